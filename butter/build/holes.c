/* Open a file anew, so that looking for holes does not move a position that is shared.
   Closing the new descriptor would drop the record locks of this process, so the result
   is -1 for a file that is locked. */
static int reopened(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[32];

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Set seeker if holes of the source shall become holes of the target. The target has to
   be a regular file that can be written anywhere: not one open with O_APPEND, nor with
   O_DIRECT, which writes whole blocks, nor one of huge pages, which have no write(). */
static void begin_with_holes(butter_copy *copy, const struct stat *in, int out_flags)
{
    if (copy->way != RANGE || in->st_blocks * 512 >= in->st_size || out_flags & O_DIRECT ||
        write(copy->fd_out, "", 0) < 0)
        return;
    copy->seeker = copy->in_offset < 0 ? copy->fd_in : reopened(copy->fd_in);
    if (copy->seeker >= 0)
        copy->stop = copy->left;
}

/* Skip *count* bytes of both files. */
static int skip(butter_copy *copy, int64_t count)
{
    if (copy->out_offset >= 0)
        copy->out_offset += count;
    else if (lseek(copy->fd_out, count, SEEK_CUR) < 0)
        return -1;
    if (copy->in_offset >= 0)
        copy->in_offset += count;
    else
        lseek(copy->fd_in, count, SEEK_CUR);
    copy->left -= count;
    copy->moved += count;
    copy->gap += count;
    return 0;
}

/* Skip the hole of the source that begins here, or set *stop* to the number of bytes
   left at the next hole: no call copies beyond that. Everything counts as data if
   the filesystem does not know holes, or the target cannot have one. */
static int look(butter_copy *copy)
{
    loff_t from = position(copy->fd_in, copy->in_offset), to = position(copy->fd_out, copy->out_offset);
    loff_t data = lseek(copy->seeker, from, SEEK_DATA), end = -1, hole;
    struct stat out;

    if (data == from)
        end = lseek(copy->seeker, from, SEEK_HOLE);
    else if (data < 0 && errno == ENXIO)
        data = lseek(copy->seeker, 0, SEEK_END);
    if (copy->seeker == copy->fd_in)
        lseek(copy->fd_in, from, SEEK_SET);

    copy->stop = 0;
    if (data == from && end > from && end - from < copy->left)
        copy->stop = copy->left - (end - from);
    if (data <= from)
        return 0;
    hole = data - from < copy->left ? data - from : copy->left;
    if (to < 0 || hole > INT64_MAX - to || fstat(copy->fd_out, &out) < 0)
        return 0;
    /* The bytes that the target has there become a hole; where that fails they are
       overwritten by the zeros that a read of the source's hole returns. */
    if (to < out.st_size && fallocate(copy->fd_out, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, to,
                                      hole < out.st_size - to ? hole : out.st_size - to) < 0) {
        if (errno != EINTR)
            return 0;
        copy->stop = copy->left;
        return -1 - EINTR;
    }
    if (skip(copy, hole) == 0)
        copy->stop = copy->left;
    return 0;
}

/* A hole at the end of the target exists only if the target is long enough. ftruncate()
   could cut off bytes that another process has written meanwhile, so one byte is
   written, and its block becomes a hole again. */
static int end_the_hole(butter_copy *copy)
{
    int64_t gap = copy->gap;
    loff_t end = position(copy->fd_out, copy->out_offset);
    struct stat out;

    copy->gap = 0;
    if (fstat(copy->fd_out, &out) == 0 && (out.st_size >= end || pwrite(copy->fd_out, "", 1, end - 1) == 1)) {
        if (out.st_size < end)
            fallocate(copy->fd_out, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, end - gap, gap);
        return 0;
    }
    int error = -1 - errno;
    skip(copy, -gap);
    copy->gap = 0;
    return error;
}
