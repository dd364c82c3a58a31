#!/bin/sh
# Runs a command in another system, of which ROOT is the folder:
#
#     tools/enter.sh ROOT COMMAND [ARGUMENT...]
#
# The mounts are in a namespace of their own, which ends with the command: nothing that
# removes the folder ever meets the machine's /dev in it. The folder becomes the root
# by pivot_root, since the kernel refuses user namespaces after a chroot.
#
# If QEMU is the path of an emulator of aarch64, it runs the command and its children.
# It is registered in a user namespace, so the machine does not see it (Linux 6.7).
set -eu
if [ -z "${entered-}" ]; then
    export entered=1
    exec unshare ${QEMU:+--user --map-root-user} --mount "$0" "$@"
fi
if [ -n "${QEMU-}" ]; then
    misc=/proc/sys/fs/binfmt_misc
    mount -t binfmt_misc binfmt_misc $misc
    # the head of an ELF file for aarch64, and which of its bits count
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":aarch64:M::$magic:$mask:$QEMU:POCF" >$misc/register
fi
unset entered QEMU
cd "$1"
shift
mount --rbind . .
cd "$PWD" # the mount, and no longer the folder below it
for name in dev proc sys; do
    mkdir -p $name
    mount --rbind /$name $name
done
pivot_root . mnt
exec /bin/sh -ec 'umount -l /mnt; exec "$@"' sh "$@"
