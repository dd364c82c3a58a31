/* Feeds butter_inotify_parse; run.py puts its source and random.h before this. */

static size_t random_bytes(char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (char)number(256);
    return size;
}

/* events as the kernel writes them, and names that leave no room for a NUL */
static size_t valid_events(char *data, size_t size)
{
    size_t used = 0;
    uint32_t wds = number(2) ? 1 : UINT32_MAX, cookies = number(2) ? 1 : UINT32_MAX;

    for (;;) {
        struct inotify_event header = {(int)number(wds), number(UINT32_MAX), number(cookies), 0};
        uint32_t name = number(4) ? number(40) : 0;
        header.len = number(8) ? (name + 15) / 16 * 16 : name;
        if (HEADER + header.len > size - used)
            return used;
        memcpy(data + used, &header, HEADER);
        memset(data + used + HEADER, 0, header.len);
        memset(data + used + HEADER, 'n', name);
        used += HEADER + header.len;
    }
}

/* Compares the parser's result with that of a walk that is plain rather than quick. */
static void compare(const unsigned char *data, uint64_t size, int64_t result, const butter_inotify_events *events)
{
    uint64_t used = 0, count = 0, names = 0;
    uint64_t end = size < READ_SIZE ? size : READ_SIZE;
    int many_wds = 0, any_cookie = 0;
    uint32_t any_mask = 0;

    while (used + 16 <= end) {
        struct inotify_event header;
        memcpy(&header, data + used, 16);
        if (used + 16 + (uint64_t)header.len > end)
            break;
        CHECK(events->wds[count] == header.wd);
        CHECK(events->masks[count] == header.mask);
        CHECK(events->cookies[count] == header.cookie);
        if (header.wd != events->wds[0])
            many_wds = 1;
        if (header.cookie)
            any_cookie = 1;
        any_mask |= header.mask;
        for (uint64_t i = 0; i < header.len && data[used + 16 + i]; i++)
            CHECK(events->names[names++] == (char)data[used + 16 + i]);
        CHECK(events->names[names++] == 0);
        used += 16 + (uint64_t)header.len;
        count++;
    }
    CHECK(!events->many_wds == !many_wds);
    CHECK(!events->any_cookie == !any_cookie);
    CHECK(events->any_mask == any_mask);
    CHECK(events->count == count);
    CHECK(events->names_size == names);
    CHECK(result == (used || !size ? (int64_t)used : -1 - EBADMSG));
}

int main(int argc, char **argv)
{
    static char scratch[2 * READ_SIZE];
    uint64_t inputs = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t whole = 0, broken = 0;
    butter_inotify_events *events = malloc(sizeof *events);

    begin(seed);
    /* what lies behind the columns shows whether they were overrun */
    memset(events, 0x5A, sizeof *events);
    for (input = 0; input < inputs; input++) {
        size_t size = number(200) ? number(300) : number(sizeof scratch);
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
        ssize_t result = butter_inotify_parse(copy + shift, size, events);
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
