#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

const int linux_sock_stream = SOCK_STREAM, linux_sock_datagram = SOCK_DGRAM, linux_sock_raw = SOCK_RAW,
          linux_sock_cloexec = SOCK_CLOEXEC, linux_sock_nonblock = SOCK_NONBLOCK;

int linux_pipe(int descriptors[2], int flags) { return pipe2(descriptors, O_CLOEXEC | flags); }

int linux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int linux_spawn_add_chdir(posix_spawn_file_actions_t *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}

int linux_spawn_add_closefrom(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}

short linux_spawn_setsid(void) { return POSIX_SPAWN_SETSID; }

pid_t linux_ended_child(void) {
    siginfo_t info = {0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 ? info.si_pid : 0;
}

int linux_set_descriptor_limit(pid_t pid, unsigned long long soft, unsigned long long hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}

int linux_open_pty(char *path, size_t length) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return -1;
    int failure = 0;
    if (grantpt(master) != 0 || unlockpt(master) != 0) failure = errno;
    if (failure == 0) failure = ptsname_r(master, path, length);
    if (failure == 0) return master;
    close(master);
    errno = failure;
    return -1;
}

int linux_set_terminal_size(int descriptor, unsigned short rows, unsigned short columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(descriptor, TIOCSWINSZ, &size);
}

int linux_open_directory_path(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

static int copy_status(int result, const struct stat *from, struct linux_status *to) {
    if (result != 0) return -1;
    to->mode = from->st_mode;
    to->owner = from->st_uid;
    to->group = from->st_gid;
    to->device = from->st_dev;
    to->inode = from->st_ino;
    to->size = from->st_size;
    to->modified = from->st_mtim.tv_sec;
    return 0;
}

int linux_status_at(int directory, const char *name, int follow, struct linux_status *status) {
    struct stat found;
    return copy_status(fstatat(directory, name, &found, follow ? 0 : AT_SYMLINK_NOFOLLOW), &found, status);
}

int linux_status_of(int descriptor, struct linux_status *status) {
    struct stat found;
    return copy_status(fstat(descriptor, &found), &found, status);
}

int linux_disk_space(const char *path, unsigned long long *total, unsigned long long *used) {
    struct statvfs space;
    if (statvfs(path, &space) != 0) return -1;
    unsigned long long unit = space.f_frsize;
    *total = unit * space.f_blocks;
    *used = unit * (space.f_blocks - space.f_bfree);
    return 0;
}

int linux_begin_sync(int descriptor, long long offset, long long count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

void linux_keep_freed_memory(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, bytes);
#else
    (void)bytes;
#endif
}

int linux_accept(int descriptor, void *address, unsigned int *length) {
    return accept4(descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

const char *linux_error_text(int code, char *buffer, size_t length) {
#ifdef __GLIBC__
    return strerror_r(code, buffer, length);
#else
    strerror_r(code, buffer, length);
    return buffer;
#endif
}
