/* Flags of reads and writes, of which the headers of old C libraries lack some. */
#ifndef RWF_HIPRI
# define RWF_HIPRI 0x1
#endif
#ifndef RWF_DSYNC
# define RWF_DSYNC 0x2
#endif
#ifndef RWF_SYNC
# define RWF_SYNC 0x4
#endif
#ifndef RWF_NOWAIT
# define RWF_NOWAIT 0x8
#endif
#ifndef RWF_APPEND
# define RWF_APPEND 0x10
#endif
#ifndef RWF_NOAPPEND
# define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
# define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
# define RWF_DONTCACHE 0x80
#endif
#ifndef RWF_NOSIGNAL
# define RWF_NOSIGNAL 0x100
#endif
