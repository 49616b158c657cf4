#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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

// The child shares the caller's memory until its program begins, and the calling thread waits that long. So it makes
// system calls only, and its signals stay blocked until it has no handler of the caller left.

static int use_stream(int source, int target) {
    if (source < 0) {
        source = open("/dev/null", O_RDWR);
        if (source < 0) return -1;
    }
    // A descriptor that has the right number already would be closed with the program's start.
    return source == target ? fcntl(source, F_SETFD, 0) : dup2(source, target);
}

static int use_streams(const struct linux_program *program) {
    if (program->terminal == NULL) {
        for (int target = 0; target < 3; target++)
            if (use_stream(program->streams[target], target) < 0) return -1;
        return 0;
    }
    int terminal = open(program->terminal, O_RDWR);
    if (terminal < 0) return -1;
    for (int target = 0; target < 3; target++)
        if (use_stream(terminal, target) < 0) return -1;
    return 0;
}

static void forget_handlers(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
}

static void close_others(void) {
    // Ours close with the program's start; this is for those that a library opened without saying so.
    if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0) return;
    // Before Linux 5.9 there is no such call.
    for (int descriptor = 3; descriptor < 1024; descriptor++) close(descriptor);
}

__attribute__((noinline)) static int begin_program(const struct linux_program *program) {
    if ((program->terminal ? setsid() : setpgid(0, 0)) < 0) return errno;
    forget_handlers();
    if (use_streams(program) < 0) return errno;
    if (program->directory && chdir(program->directory) < 0) return errno;
    close_others();
    if (program->hard_descriptors) {
        struct rlimit limit = {.rlim_cur = program->soft_descriptors, .rlim_max = program->hard_descriptors};
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return errno;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->path, program->arguments, program->environment);
    return errno;
}

int linux_spawn(const struct linux_program *program, pid_t *pid) {
    sigset_t all, before;
    sigfillset(&all);
    int refusal = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (refusal != 0) return refusal;
    volatile int failure = 0;
    pid_t child = vfork();
    if (child == 0) {
        failure = begin_program(program);
        _exit(127);
    }
    if (child < 0) failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    // Nobody else knows of a child that found no program.
    if (child > 0 && failure != 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    *pid = child;
    return failure;
}

pid_t linux_ended_child(void) {
    siginfo_t info = {0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 ? info.si_pid : 0;
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

int linux_hold(int directory, const char *name) { return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); }

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

int linux_exchange(const char *one, const char *other) {
    // RENAME_EXCHANGE, which headers of other C libraries lack.
    return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 1u << 1);
}

int linux_disk_space(const char *path, unsigned long long *total, unsigned long long *used) {
    struct statvfs space;
    if (statvfs(path, &space) != 0) return -1;
    unsigned long long unit = space.f_frsize;
    *total = unit * space.f_blocks;
    *used = unit * (space.f_blocks - space.f_bfree);
    return 0;
}

void linux_keep_freed_memory(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, bytes);
#else
    (void)bytes;
#endif
}

void linux_release_freed_memory(size_t much) {
#ifdef __GLIBC__
    if (mallinfo2().fordblks > much) malloc_trim(0);
#else
    (void)much;
#endif
}

// Code is never written to (no text relocations), so the file has the same bytes.
static int release_code_of(struct dl_phdr_info *program, size_t size, void *unused) {
    (void)size, (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < program->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &program->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || segment->p_flags & PF_W) continue;
        uintptr_t start = program->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        start = (start + page - 1) & ~(page - 1);
        end &= ~(page - 1);
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    // The first one is the program itself.
    return 1;
}

void linux_release_code(void) { dl_iterate_phdr(release_code_of, NULL); }

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
