static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Two ranges of one file must not overlap. A copy that appends to its own source would
   never reach the end, so it ends where the file ends now. */
static int same_file(butter_copy *copy, loff_t size, int append)
{
    loff_t from = position(copy->fd_in, copy->in_offset);
    loff_t to = position(copy->fd_out, copy->out_offset);
    loff_t most = size > from ? size - from : 0;

    if (append)
        to = size;
    if (most < copy->left)
        copy->left = most;
    return (from < to ? to - from : from - to) < copy->left ? -1 - EINVAL : 0;
}

/* For some descriptors poll() waits for ever, although a read or write can only fail: a
   listening socket has neither bytes nor room, and an epoll has no read() or write().
   The kernel checks first that the file has the function (EINVAL), then the address
   (EFAULT), and calls the function last. So a call with a bad address asks without
   moving anything. With a good address, 0 bytes would be EINVAL for an eventfd too,
   which can be written. */
static int refused(int fd, mode_t mode, int writes)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    void *nowhere = (void *)-1;

    if (S_ISSOCK(mode))
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens ? -1 - ENOTCONN : 0;
    if (mode & S_IFMT)
        return 0;
    return (writes ? write(fd, nowhere, 0) : read(fd, nowhere, 0)) < 0 && errno == EINVAL ? -1 - EINVAL : 0;
}

static int first_way(const butter_copy *copy, mode_t in, mode_t out, int append)
{
    /* Only write() appends. Only read() respects the size for a trace_pipe: splice()
       returns whole lines, even if they are longer. */
    if (append || (S_ISREG(in) && !copy->in_disk))
        return PLAIN;
    /* splice() keeps the pipe locked while a stopped terminal takes no bytes: another
       process that only closes the other end of the pipe would wait as well. */
    if (isatty(copy->fd_out))
        return PLAIN;
    if (copy->in_pipe || copy->out_pipe)
        return SPLICE;
    if (S_ISREG(in) && S_ISREG(out))
        return RANGE;
    return copy->in_disk ? SENDFILE : PIPE;
}

/* Refuse what cannot work before anything is taken from fd_in, and choose the
   first way to try. */
static int butter_copy_begin(butter_copy *copy)
{
    struct stat in, out;
    int in_flags, out_flags, append, same, error;

    copy->way = PLAIN;
    copy->seeker = copy->pipe[0] = copy->pipe[1] = -1;
    if (copy->duplicate) {
        copy->fd_in = fcntl(copy->fd_in, F_DUPFD_CLOEXEC, 0);
        copy->fd_out = copy->fd_in < 0 ? -1 : fcntl(copy->fd_out, F_DUPFD_CLOEXEC, 0);
        if (copy->fd_out < 0)
            return -1 - errno;
    }
    in_flags = fcntl(copy->fd_in, F_GETFL);
    out_flags = fcntl(copy->fd_out, F_GETFL);
    append = out_flags & O_APPEND;
    if (in_flags < 0 || out_flags < 0 || (in_flags | out_flags) & O_PATH || (in_flags & O_ACCMODE) == O_WRONLY ||
        (out_flags & O_ACCMODE) == O_RDONLY)
        return -1 - EBADF;
    if (fstat(copy->fd_in, &in) < 0 || fstat(copy->fd_out, &out) < 0)
        return -1 - errno;
    if (S_ISDIR(in.st_mode))
        return -1 - EISDIR;
    if (copy->in_offset >= 0 && lseek(copy->fd_in, 0, SEEK_CUR) < 0)
        return -1 - errno;
    if (copy->out_offset >= 0 && lseek(copy->fd_out, 0, SEEK_CUR) < 0)
        return -1 - errno;
    /* pwrite() to such a file appends, whatever the offset is */
    if (append && copy->out_offset >= 0)
        return -1 - EINVAL;

    error = refused(copy->fd_in, in.st_mode, 0);
    if (!error)
        error = refused(copy->fd_out, out.st_mode, 1);
    if (error)
        return error;

    /* the trace_pipe of tracefs is a regular file without a position (ESPIPE) */
    copy->in_disk = (S_ISREG(in.st_mode) || S_ISBLK(in.st_mode)) && lseek(copy->fd_in, 0, SEEK_CUR) >= 0;
    copy->out_disk = S_ISREG(out.st_mode) || S_ISBLK(out.st_mode);
    copy->in_pipe = S_ISFIFO(in.st_mode);
    copy->out_pipe = S_ISFIFO(out.st_mode);
    copy->in_socket = S_ISSOCK(in.st_mode);
    copy->in_sizeless = S_ISREG(in.st_mode) && !in.st_size;
    copy->in_waits = !copy->in_disk && !(in_flags & O_NONBLOCK);
    copy->out_waits = !copy->out_disk && !(out_flags & O_NONBLOCK);

    copy->way = first_way(copy, in.st_mode, out.st_mode, append);
    same = in.st_dev == out.st_dev && in.st_ino == out.st_ino;
    if (same && copy->out_pipe)
        return -1 - EINVAL;
    if (same && S_ISREG(in.st_mode))
        error = same_file(copy, in.st_size, append);
    if (!error)
        begin_with_holes(copy, &in, out_flags);
    return error;
}

static ssize_t through_pipe(butter_copy *copy, loff_t *in, loff_t *out, size_t count)
{
    ssize_t n;

    if (!copy->piped) {
        if (copy->pipe[0] < 0) {
            /* no descriptor is left, but the next way does not need one */
            if (pipe2(copy->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
                return -1 - EINVAL;
            fcntl(copy->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
        }
        n = splice(copy->fd_in, in, copy->pipe[1], NULL, count, SPLICE_F_NONBLOCK);
        if (n <= 0)
            return n < 0 ? -1 - errno : 0;
        copy->left -= n;
        copy->piped = (size_t)n;
    }
    n = splice(copy->pipe[0], NULL, copy->fd_out, out, copy->piped, SPLICE_F_NONBLOCK);
    if (n <= 0)
        return n < 0 ? -1 - errno : -1 - EIO;
    copy->piped -= (size_t)n;
    return n;
}

/* Fill the empty buffer. */
static ssize_t take(butter_copy *copy, loff_t *in, size_t count)
{
    ssize_t n;

    /* aligned for the files that are open with O_DIRECT */
    if (!copy->buffer && !(copy->buffer = aligned_alloc(4096, BUFFER_SIZE)))
        return -1 - ENOMEM;
    if (count > BUFFER_SIZE)
        count = BUFFER_SIZE;
    /* the bytes in the pipe were taken earlier */
    if (copy->piped)
        n = read(copy->pipe[0], copy->buffer, BUFFER_SIZE);
    else if (in)
        n = pread(copy->fd_in, copy->buffer, count, *in);
    else
        n = read(copy->fd_in, copy->buffer, count);
    if (n <= 0)
        return n < 0 ? -1 - errno : 0;
    if (copy->piped) {
        copy->piped -= (size_t)n;
    } else {
        copy->left -= n;
        if (in)
            *in += n;
    }
    copy->start = 0;
    copy->end = (size_t)n;
    return n;
}

static ssize_t by_hand(butter_copy *copy, loff_t *in, loff_t *out, size_t count)
{
    ssize_t n;

    if (copy->start == copy->end && (n = take(copy, in, count)) <= 0)
        return n;
    count = copy->end - copy->start;
    if (out)
        n = pwrite(copy->fd_out, copy->buffer + copy->start, count, *out);
    else
        n = write(copy->fd_out, copy->buffer + copy->start, count);
    if (n <= 0)
        return n < 0 ? -1 - errno : -1 - EIO;
    if (out)
        *out += n;
    copy->start += (size_t)n;
    return n;
}

/* Move bytes once, in the present way. Return how many reached fd_out, 0 at the end of
   fd_in, or -1 - errno. */
static ssize_t move(butter_copy *copy, size_t most)
{
    loff_t *in = copy->in_offset < 0 ? NULL : &copy->in_offset;
    loff_t *out = copy->out_offset < 0 ? NULL : &copy->out_offset;
    int64_t data = copy->left - copy->stop;
    size_t count = data < (int64_t)most ? (size_t)data : most;
    ssize_t n;

    if (copy->way == PIPE || copy->way == PLAIN) {
        n = copy->way == PIPE ? through_pipe(copy, in, out, count) : by_hand(copy, in, out, count);
    } else {
        if (copy->way == RANGE)
            n = syscall(SYS_copy_file_range, copy->fd_in, in, copy->fd_out, out, count, 0);
        else if (copy->way == SPLICE)
            n = splice(copy->fd_in, in, copy->fd_out, out, count, SPLICE_F_NONBLOCK);
        else if (out)
            return -1 - EINVAL;
        else
            n = sendfile(copy->fd_out, copy->fd_in, in, count);
        if (n < 0)
            n = -1 - errno;
        if (n > 0)
            copy->left -= n;
    }
    if (n > 0) {
        copy->moved += n;
        copy->gap = 0;
    }
    return n;
}

/* Return whether an error says that this way does not work for these files, this kernel
   or this seccomp filter, so that another way may. */
static int unsuited(ssize_t error)
{
    switch (-1 - error) {
    case EACCES:
    case EBADF:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
    case EOVERFLOW:
    case EPERM:
    case ESPIPE:
    case ETXTBSY:
    case EXDEV: return 1;
    }
    return 0;
}

/* With the default 16 pages, reader and writer of the pipe keep waiting for each other;
   splicing from a socket into a larger pipe is five times as fast. A size that a
   program has set is left as it is. */
static int grow(int fd)
{
    return fcntl(fd, F_GETPIPE_SZ) == 16 * sysconf(_SC_PAGESIZE) && fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE) > 0;
}

static int ready(int fd, short event)
{
    struct pollfd poller = {fd, event, 0};
    int ready = poll(&poller, 1, 0);
    return ready < 0 ? -1 - errno : ready;
}

/* Return which descriptor has to be waited for, 0 for none, or -1 - errno. Nothing is
   taken from fd_in before fd_out has room, so that little is held when the copy ends
   early. */
static int waits(const butter_copy *copy)
{
    int in_ready = copy->in_disk || held(copy) ? 1 : ready(copy->fd_in, POLLIN);
    int out_ready = copy->out_disk || in_ready <= 0 ? 1 : ready(copy->fd_out, POLLOUT);

    if (in_ready < 0 || out_ready < 0)
        return in_ready < 0 ? in_ready : out_ready;
    if (!in_ready) {
        if (copy->in_pipe)
            grow(copy->fd_in);
        return COPY_WAIT_IN;
    }
    return out_ready || (copy->out_pipe && grow(copy->fd_out)) ? 0 : COPY_WAIT_OUT;
}

/* Return whether fd_in is at its end. This is asked when nothing is held and fd_out has
   no room: if the last bytes have filled it, the copy need not wait for a reader. */
static int ended(butter_copy *copy)
{
    struct pollfd poller = {copy->fd_in, POLLIN | POLLRDHUP, 0};
    loff_t *in = copy->in_offset < 0 ? NULL : &copy->in_offset;
    size_t count = copy->left < BUFFER_SIZE ? (size_t)copy->left : BUFFER_SIZE;
    char byte;

    if (copy->in_disk && copy->in_sizeless) {
        /* After a pread() the next read of a file of /proc starts from the beginning
           and skips: slow, and wrong if the file has changed meanwhile. */
        copy->way = PLAIN;
        return take(copy, in, count) == 0;
    }
    if (copy->in_disk)
        return pread(copy->fd_in, &byte, 1, in ? *in : lseek(copy->fd_in, 0, SEEK_CUR)) == 0;
    if (poll(&poller, 1, 0) <= 0)
        return 0;
    if (copy->in_pipe)
        return (poller.revents & (POLLIN | POLLHUP)) == POLLHUP;
    if (!copy->in_socket)
        return 0;
    switch (recv(copy->fd_in, &byte, 1, MSG_PEEK | MSG_DONTWAIT)) {
    case 0: return 1;
    case -1:
        /* a datagram socket reports its shutdown only to a recv() that would wait */
        return errno == EAGAIN && poller.revents & POLLRDHUP;
    }
    return 0;
}

/* Copy for a while, in portions of at most *most* bytes; the bytes of a hole do not
   count. Return what to do next (COPY_...), or -1 - errno.

   A signal that comes during a call which moves bytes does not interrupt it, so its
   Python handler would run only after the next call, which may wait. Hence no call is
   begun that could wait: either poll() says that it would not, or this function returns
   after each call. */
static int copy_for_a_while(butter_copy *copy, size_t most)
{
    int64_t goal = copy->moved + (int64_t)most, end = now() + SLICE_NS;

    while (copy->left || held(copy)) {
        int wait = waits(copy);
        if (wait == COPY_WAIT_OUT && !held(copy) && ended(copy)) {
            copy->left = 0;
            break;
        }
        if (wait) {
            copy->refusals = 0;
            /* a signal interrupts poll() even if it does not wait */
            return wait == -1 - EINTR ? COPY_MORE : wait;
        }
        if (copy->seeker >= 0 && copy->left == copy->stop && !held(copy)) {
            int64_t before = copy->moved;
            if (look(copy) < 0)
                return COPY_MORE;
            goal += copy->moved - before;
            if (copy->moved != before)
                continue;
        }
        ssize_t n = move(copy, most);
        if (n > 0) {
            copy->refusals = 0;
        } else if (n == 0) {
            /* the files of /proc and /sys have no size or a wrong one: only a read
               finds their end */
            if (copy->way > SENDFILE)
                copy->left = 0;
            else
                copy->way = PLAIN;
        } else if (n == -1 - EINTR) {
            return COPY_MORE;
        } else if (n == -1 - EAGAIN) {
            /* poll() said ready: another process was faster, or trying again is
               useless */
            return ++copy->refusals < REFUSALS ? COPY_MORE : -1 - EAGAIN;
        } else if (copy->way < PLAIN && unsuited(n)) {
            copy->way = copy->way < PIPE ? copy->way + 1 : PLAIN;
        } else {
            return (int)n;
        }
        if (copy->moved >= goal || now() >= end)
            return COPY_MORE;
        /* poll() promises room for one byte only. A splice to a pipe then moves what
           fits, but every other call waits until all bytes have room. */
        if (copy->out_waits && (copy->way == PLAIN || !copy->out_pipe))
            return COPY_MORE;
    }
    return COPY_DONE;
}

static int butter_copy_step(butter_copy *copy, size_t most)
{
    int result = copy_for_a_while(copy, most);
    int error = copy->gap ? end_the_hole(copy) : 0;

    return error && result >= 0 ? error : result;
}

static void butter_copy_end(butter_copy *copy)
{
    if (copy->way == NONE)
        return;
    if (copy->seeker >= 0 && copy->seeker != copy->fd_in)
        close(copy->seeker);
    if (copy->duplicate) {
        close(copy->fd_in);
        close(copy->fd_out);
    }
    close(copy->pipe[0]);
    close(copy->pipe[1]);
    free(copy->buffer);
    memset(copy, 0, sizeof *copy);
}
