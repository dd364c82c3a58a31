/* Feeds butter_fanotify_parse, and butter_fanotify_check with the records of each
   event; run.py puts their source before this. */

static size_t random_bytes(char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (char)number(256);
    return size;
}

/* a record as the kernel writes it, or of a type that nothing knows */
static size_t valid_record(char *data, size_t size)
{
    static const uint16_t sizes[] = {0, 0, 0, 0, 8, 12, 24, 16};
    struct fid fid = {{(uint8_t)number(14), 0, 0}, {(int)number(9), (int)number(9)}, number(20), (int)number(9)};
    uint32_t length = (uint32_t)sizeof fid + fid.handle_bytes;

    if (fid.record.type >= 4 && fid.record.type <= 7)
        length = sizes[fid.record.type];
    else if (number(2))
        length = (length + number(30) + 3) / 4 * 4;
    if (length > size)
        return 0;
    fid.record.len = (uint16_t)length;
    random_bytes(data, length);
    memcpy(data, &fid, length < sizeof fid ? length : sizeof fid);
    return length;
}

static size_t valid_events(char *data, size_t size)
{
    size_t used = 0;

    while (size - used >= HEADER) {
        struct metadata header = {0, 3, 0, HEADER, number(UINT32_MAX), (int)number(9) - 1, (int)number(UINT32_MAX)};
        size_t end = used + HEADER + number(8) / 7 * 8, last;

        header.metadata_len = (uint16_t)(end - used);
        if (end > size)
            break;
        for (uint32_t records = number(4); records; records--) {
            last = valid_record(data + end, size - end);
            end += last;
        }
        header.event_len = (uint32_t)(end - used);
        memcpy(data + used, &header, HEADER);
        used = end;
    }
    return used;
}

static uint32_t read_u32(const unsigned char *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

/* A walk over the records that is plain rather than quick: whether they are whole, and
   the pidfd. */
static int are_whole(const unsigned char *data, uint64_t size, int32_t *pidfd)
{
    *pidfd = -1;
    for (uint64_t at = 0; at < size;) {
        if (size - at < 4)
            return 0;
        uint64_t type = data[at], length = data[at + 2] | (uint64_t)data[at + 3] << 8, least = 4;
        if (type == 1 || type == 2 || type == 3 || type == 10 || type == 12)
            least = 20;
        else if (type == 4)
            least = 8;
        else if (type == 5)
            least = 12;
        else if (type == 6)
            least = 24;
        else if (type == 7)
            least = 16;
        if (length < least || length > size - at)
            return 0;
        if (least == 20 && read_u32(data + at + 12) > length - 20)
            return 0;
        if (type == 4)
            *pidfd = (int32_t)read_u32(data + at + 4);
        at += length;
    }
    return 1;
}

static void compare(const unsigned char *data, uint64_t size, int64_t result, const butter_fanotify_events *events)
{
    uint64_t used = 0, count = 0, any_mask = 0;
    uint64_t end = size < READ_SIZE ? size : READ_SIZE;
    int any_fd = 0, any_pidfd = 0, many_pids = 0;

    while (used + 24 <= end) {
        struct metadata header;
        memcpy(&header, data + used, 24);
        if (header.version != 3 || header.metadata_len < 24 || header.event_len < header.metadata_len ||
            used + (uint64_t)header.event_len > end)
            break;
        const unsigned char *records = data + used + header.metadata_len;
        uint64_t length = header.event_len - header.metadata_len;
        int32_t pidfd, found;
        int whole = are_whole(records, length, &pidfd);
        /* of exactly that size, so that a byte too far is seen */
        char *copy = malloc(length);
        if (length)
            memcpy(copy, records, length);
        CHECK(butter_fanotify_check(copy, length, &found) == (whole ? 0 : -1 - EBADMSG));
        free(copy);
        if (!whole)
            break;
        CHECK(found == pidfd);
        CHECK(events->masks[count] == header.mask);
        if (header.fd == -EBADF)
            header.fd = -1;
        CHECK(events->fds[count] == header.fd);
        CHECK(events->pids[count] == header.pid);
        CHECK(events->pidfds[count] == pidfd);
        CHECK(events->offsets[count] == used);
        used += header.event_len;
        any_fd |= header.fd != -1;
        many_pids |= header.pid != events->pids[0];
        any_mask |= header.mask;
        any_pidfd |= events->pidfds[count] >= 0;
        count++;
    }
    CHECK(events->count == count);
    CHECK(events->any_mask == any_mask);
    CHECK(!events->any_fd == !any_fd);
    CHECK(!events->any_pidfd == !any_pidfd);
    CHECK(!events->many_pids == !many_pids);
    CHECK(events->used == used);
    CHECK(result == (used || !size ? (int64_t)used : -1 - EBADMSG));
}

int main(int argc, char **argv)
{
    static char scratch[2 * READ_SIZE];
    uint64_t inputs = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t whole = 0, broken = 0;
    butter_fanotify_events *events = malloc(sizeof *events);

    begin(seed);
    /* what lies behind the columns shows whether they were overrun */
    memset(events, 0x5A, sizeof *events);
    for (input = 0; input < inputs; input++) {
        size_t size = number(200) ? number(500) : number(sizeof scratch);
        if (number(4)) {
            size = valid_events(scratch, size);
            if (size && number(2))
                scratch[number((uint32_t)size)] = (char)number(256);
            /* a length near the limits of its type, if these four bytes are that */
            if (size && !number(4)) {
                uint32_t extreme = (number(2) ? 0 : 1U << 31) - number(20);
                memcpy(scratch + number((uint32_t)size / 4) * 4, &extreme, sizeof extreme);
            }
            if (size && number(2))
                size -= number((uint32_t)size);
        } else {
            random_bytes(scratch, size);
        }
        /* of exactly that size, so that a byte too far is seen; at an odd address */
        size_t shift = number(2) ? number(16) : 0;
        char *copy = malloc(shift + size);
        if (size)
            memcpy(copy + shift, scratch, size);
        ssize_t result = butter_fanotify_parse(copy + shift, size, events);
        compare((unsigned char *)copy + shift, size, result, events);
        if (result < 0 || (size_t)result < size)
            broken++;
        else
            whole++;
        free(copy);
    }
    for (size_t i = 0; i < READ_SIZE; i++)
        CHECK(events->data[i] == 0x5A);
    free(events);
    printf("seed %llu: %llu inputs, %llu whole, %llu not\n", (unsigned long long)seed, (unsigned long long)inputs,
           (unsigned long long)whole, (unsigned long long)broken);
    return 0;
}
