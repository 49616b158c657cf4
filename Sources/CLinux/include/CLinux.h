// What gateway and agent need of Linux that Swift's Glibc module does not show, because that module is built without
// _GNU_SOURCE. Declarations only; no logic lives here.
#ifndef NEZHA_CLINUX_H
#define NEZHA_CLINUX_H

#include <spawn.h>
#include <sys/types.h>

/// SOCK_STREAM and its like, whose Swift names belong now to one module, now to another, as the compiler finds them.
extern const int linux_sock_stream, linux_sock_datagram, linux_sock_raw, linux_sock_cloexec, linux_sock_nonblock;
/// pipe2(2), always with O_CLOEXEC; `flags` are added.
int linux_pipe(int descriptors[2], int flags);
/// A descriptor that becomes readable when the child ends (pidfd_open(2)); -1 and ENOSYS before Linux 5.3.
int linux_pidfd_open(pid_t pid);
int linux_spawn_add_chdir(posix_spawn_file_actions_t *actions, const char *path);
int linux_spawn_add_closefrom(posix_spawn_file_actions_t *actions, int from);
/// POSIX_SPAWN_SETSID.
short linux_spawn_setsid(void);
/// The number of a child that ended, which stays where it is (waitid(2) with WNOWAIT); 0 when there is none.
pid_t linux_ended_child(void);
/// prlimit(2) of the descriptors of another process.
int linux_set_descriptor_limit(pid_t pid, unsigned long long soft, unsigned long long hard);
/// Opens a pseudo terminal; the path of its other end goes to `path`. -1 and errno on failure.
int linux_open_pty(char *path, size_t length);
/// TIOCSWINSZ.
int linux_set_terminal_size(int descriptor, unsigned short rows, unsigned short columns);
/// A descriptor that only names a directory (O_PATH | O_DIRECTORY | O_CLOEXEC), so reading it needs no permission.
int linux_open_directory_path(const char *path);
/// What is used of `struct stat`, whose Swift name belongs now to one module, now to another.
struct linux_status {
    unsigned int mode;
    unsigned int owner;
    unsigned int group;
    unsigned long long device;
    unsigned long long inode;
    long long size;
    long long modified;
};
/// fstatat(2); `follow` decides about a link at the end.
int linux_status_at(int directory, const char *name, int follow, struct linux_status *status);
/// fstat(2)
int linux_status_of(int descriptor, struct linux_status *status);
/// What statvfs(3) says, as bytes.
int linux_disk_space(const char *path, unsigned long long *total, unsigned long long *used);
/// Begins to write a range of a file to the disk and does not wait for it (sync_file_range(2)).
int linux_begin_sync(int descriptor, long long offset, long long count);
/// Has malloc(3) serve blocks up to `bytes` from memory that it keeps, and keep that much of it (mallopt(3)). Does
/// nothing where the C library has no such choice.
void linux_keep_freed_memory(int bytes);
/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC. `address` is a `struct sockaddr` of `*length` bytes.
int linux_accept(int descriptor, void *address, unsigned int *length);
/// strerror_r(3) as GNU has it: the text, which may lie in `buffer`.
const char *linux_error_text(int code, char *buffer, size_t length);

#endif
