// What gateway and agent need of Linux that Swift's Glibc module does not show, because that module is built without
// _GNU_SOURCE. No logic lives here but the steps of a child before its program, which cannot be Swift.
#ifndef NEZHA_CLINUX_H
#define NEZHA_CLINUX_H

#include <stddef.h>
#include <sys/types.h>

/// SOCK_STREAM and its like, whose Swift names belong now to one module, now to another, as the compiler finds them.
extern const int linux_sock_stream, linux_sock_datagram, linux_sock_raw, linux_sock_cloexec, linux_sock_nonblock;
/// pipe2(2), always with O_CLOEXEC; `flags` are added.
int linux_pipe(int descriptors[2], int flags);
/// A descriptor that becomes readable when the child ends (pidfd_open(2)); -1 and ENOSYS before Linux 5.3.
int linux_pidfd_open(pid_t pid);
/// A program to be started by linux_spawn().
struct linux_program {
    /// The file; no search.
    const char *path;
    char *const *arguments;
    char *const *environment;
    /// NULL: the caller's.
    const char *directory;
    /// What becomes its standard streams; -1 is the null device.
    int streams[3];
    /// Opened as all three instead, in a new session, whose controlling terminal it becomes; NULL for a new process group.
    const char *terminal;
    /// Its limit of descriptors, in force before its first instruction; a hard one of 0 leaves the caller's.
    unsigned long long soft_descriptors, hard_descriptors;
};
/// Starts a program as posix_spawn(3) does, which knows no limits: with default answers to all signals, none blocked, and
/// no descriptors but the three. 0 and its number, or an errno value, also when the folder or the file cannot be used.
int linux_spawn(const struct linux_program *program, pid_t *pid);
/// The number of a child that ended, which stays where it is (waitid(2) with WNOWAIT); 0 when there is none.
pid_t linux_ended_child(void);
/// Opens a pseudo terminal; the path of its other end goes to `path`. -1 and errno on failure.
int linux_open_pty(char *path, size_t length);
/// TIOCSWINSZ.
int linux_set_terminal_size(int descriptor, unsigned short rows, unsigned short columns);
/// A descriptor that only names a directory (O_PATH | O_DIRECTORY | O_CLOEXEC), so reading it needs no permission.
int linux_open_directory_path(const char *path);
/// A descriptor that keeps a file in being and needs no permission (O_PATH | O_NOFOLLOW | O_CLOEXEC).
int linux_hold(int directory, const char *name);
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
/// Two paths change places in one step (renameat2(2) with RENAME_EXCHANGE); -1 and errno on failure.
int linux_exchange(const char *one, const char *other);
/// What statvfs(3) says, as bytes.
int linux_disk_space(const char *path, unsigned long long *total, unsigned long long *used);
/// Has malloc(3) serve blocks up to `bytes` from memory that it keeps, and keep that much of it (mallopt(3)). Does
/// nothing where the C library has no such choice.
void linux_keep_freed_memory(int bytes);
/// Gives memory that was freed back to the system, where that is more than `much` bytes (malloc_trim(3)).
void linux_release_freed_memory(size_t much);
/// Takes the program's own code out of this process's memory (madvise(2)): what is still wanted is mapped again from the
/// system's cache of the file when it runs, and what only the start needed is not.
void linux_release_code(void);
/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC. `address` is a `struct sockaddr` of `*length` bytes.
int linux_accept(int descriptor, void *address, unsigned int *length);
/// strerror_r(3) as GNU has it: the text, which may lie in `buffer`.
const char *linux_error_text(int code, char *buffer, size_t length);

#endif
