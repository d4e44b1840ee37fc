/* Stands between a process and its disk: keeps a journal of what it changes below one directory, and makes writes and
 * syncs fail, lie, or be the last thing that the process does.
 *
 * SHIM_ROOT     only files below it are looked at
 * SHIM_JOURNAL  file that the journal is appended to; none is kept without it
 * SHIM_CONTROL  file that holds a struct control, changed by the test while the process runs
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
  uint64_t operations; /* how many there were */
  uint64_t kill_at;    /* the operation that is the last, half done where it can be; 0: none */
  uint64_t sync_error; /* errno that a sync fails with; 0: none */
  uint64_t sync_lies;  /* whether a sync says yes and does nothing */
  uint64_t sync_every; /* of so many syncs one fails or lies; 0 counts as 1 */
  uint64_t write_error;
  uint64_t write_every;
  uint64_t syncs;
  uint64_t writes;
  uint64_t injected; /* how often something failed or lied */
};

struct record {
  uint32_t kind; /* W write, T truncate, C create, U unlink, R rename, M mkdir, D rmdir, S sync, E failed sync */
  uint32_t name_bytes;
  uint64_t inode, at, data_bytes;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_bytes;
static int journal = -1;
static struct control nothing, *control = &nothing;
static __thread int inside;

#define REAL(result, name, ...)                     \
  static result (*real_##name)(__VA_ARGS__);        \
  __attribute__((constructor)) static void find_##name(void) { real_##name = dlsym(RTLD_NEXT, #name); }

REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, ftruncate, int, off_t)
REAL(int, fallocate, int, int, off_t, off_t)
REAL(int, unlink, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, remove, const char *)
REAL(int, rmdir, const char *)
REAL(int, rename, const char *, const char *)
REAL(int, mkdir, const char *, mode_t)
REAL(ssize_t, sendfile, int, int, off_t *, size_t)

/* Look at another directory, with another journal and control (NULL: none). Called by children of one process. */
void shim_use(const char *directory, const char *log, const char *rules) {
  snprintf(root, sizeof root, "%s/", directory);
  root_bytes = strlen(root);
  if (log) journal = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (rules) {
    int file = syscall(SYS_openat, AT_FDCWD, rules, O_RDWR | O_CLOEXEC);
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) control = mapped;
    syscall(SYS_close, file);
  }
}

__attribute__((constructor)) static void prepare(void) {
  if (getenv("SHIM_ROOT")) shim_use(getenv("SHIM_ROOT"), getenv("SHIM_JOURNAL"), getenv("SHIM_CONTROL"));
}

static int below(const char *path) { return root_bytes && !strncmp(path, root, root_bytes); }

static int watched(int file) {
  char link[64], path[PATH_MAX];
  if (!root_bytes || inside) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t bytes = readlink(link, path, sizeof path - 1);
  if (bytes < 0) return 0;
  path[bytes] = 0;
  /* The directory itself counts too: its sync makes names durable. */
  return below(path) || (strlen(path) == root_bytes - 1 && !strncmp(path, root, root_bytes - 1));
}

static uint64_t inode_of(int file) {
  struct stat found;
  return fstat(file, &found) ? 0 : found.st_ino;
}

static uint64_t inode_at(const char *path) {
  struct stat found;
  return lstat(path, &found) ? 0 : found.st_ino;
}

static void note(char kind, const char *name, uint64_t inode, uint64_t at, const void *data, uint64_t bytes) {
  if (journal < 0) return;
  struct record record = {kind, name ? strlen(name) : 0, inode, at, data ? bytes : 0};
  struct iovec parts[] = {{&record, sizeof record}, {(void *)name, record.name_bytes}, {(void *)data, record.data_bytes}};
  if (writev(journal, parts, 3) < 0) abort();
}

/* Count an operation; whether it is to be the last. */
static int last(void) { return ++control->operations == control->kill_at; }

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

static int due(uint64_t *count, uint64_t every) { return ++*count % (every ? every : 1) == 0; }

static void enter(void) { pthread_mutex_lock(&turn); inside = 1; }

static void leave(void) { inside = 0; pthread_mutex_unlock(&turn); }

static ssize_t put(int file, const void *data, size_t bytes, off_t at, int positioned) {
  enter();
  int fatal = last();
  if (control->write_error && due(&control->writes, control->write_every)) {
    control->injected++;
    leave();
    errno = control->write_error;
    return -1;
  }
  if (!positioned) {
    struct stat found;
    at = fcntl(file, F_GETFL) & O_APPEND && !fstat(file, &found) ? found.st_size : lseek(file, 0, SEEK_CUR);
  }
  if (fatal) bytes /= 2;
  ssize_t done = positioned ? real_pwrite(file, data, bytes, at) : real_write(file, data, bytes);
  int error = errno;
  if (done > 0) note('W', NULL, inode_of(file), at, data, done);
  if (fatal) die();
  leave();
  errno = error;
  return done;
}

ssize_t write(int file, const void *data, size_t bytes) {
  return watched(file) ? put(file, data, bytes, 0, 0) : real_write(file, data, bytes);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t at) {
  return watched(file) ? put(file, data, bytes, at, 1) : real_pwrite(file, data, bytes, at);
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off_t at) { return pwrite(file, data, bytes, at); }

static int settle(int file, int (*real)(int)) {
  if (!watched(file)) return real(file);
  enter();
  if (last()) die();
  int wrong = (control->sync_error || control->sync_lies) && due(&control->syncs, control->sync_every);
  int result = 0, error = 0;
  if (wrong) {
    control->injected++;
    if (!control->sync_lies) {
      result = -1;
      error = control->sync_error;
      note('E', NULL, inode_of(file), 0, NULL, 0);
    }
  } else {
    result = real(file);
    error = errno;
    if (!result) note('S', NULL, inode_of(file), 0, NULL, 0);
  }
  leave();
  errno = error;
  return result;
}

int fsync(int file) { return settle(file, real_fsync); }

int fdatasync(int file) { return settle(file, real_fdatasync); }

int ftruncate(int file, off_t size) {
  if (!watched(file)) return real_ftruncate(file, size);
  enter();
  if (last()) die();
  int result = real_ftruncate(file, size), error = errno;
  if (!result) note('T', NULL, inode_of(file), size, NULL, 0);
  leave();
  errno = error;
  return result;
}

int ftruncate64(int file, off_t size) { return ftruncate(file, size); }

int fallocate(int file, int mode, off_t at, off_t bytes) {
  if (!watched(file)) return real_fallocate(file, mode, at, bytes);
  errno = EOPNOTSUPP; /* the callers do without it */
  return -1;
}

ssize_t sendfile(int to, int from, off_t *at, size_t bytes) {
  if (!watched(to)) return real_sendfile(to, from, at, bytes);
  errno = ENOTSOCK; /* Python then copies by write */
  return -1;
}

ssize_t sendfile64(int to, int from, off_t *at, size_t bytes) { return sendfile(to, from, at, bytes); }

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *into, size_t bytes, unsigned flags) {
  if (!watched(to)) return syscall(SYS_copy_file_range, from, at, to, into, bytes, flags);
  errno = EOPNOTSUPP;
  return -1;
}

static int opened(int where, const char *path, int flags, mode_t mode) {
  char whole[PATH_MAX];
  int changes = flags & (O_CREAT | O_TRUNC);
  if (inside || !changes || !root_bytes) return syscall(SYS_openat, where, path, flags, mode);
  if (where == AT_FDCWD && path[0] != '/') {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return -1;
    snprintf(whole, sizeof whole, "%.2000s/%.2000s", here, path);
  } else {
    snprintf(whole, sizeof whole, "%s", path);
  }
  if (!below(whole)) return syscall(SYS_openat, where, path, flags, mode);
  enter();
  if (last()) die();
  int fresh = !inode_at(whole);
  int file = fresh && control->write_error == EROFS ? (errno = EROFS, -1) : syscall(SYS_openat, where, path, flags, mode);
  int error = errno;
  if (file >= 0 && fresh) note('C', whole, inode_of(file), 0, NULL, 0);
  else if (file >= 0 && flags & O_TRUNC) note('T', NULL, inode_of(file), 0, NULL, 0);
  leave();
  errno = error;
  return file;
}

#define MODE                                   \
  mode_t mode = 0;                             \
  if (flags & (O_CREAT | __O_TMPFILE)) {       \
    va_list rest;                              \
    va_start(rest, flags);                     \
    mode = va_arg(rest, mode_t);               \
    va_end(rest);                              \
  }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int where, const char *path, int flags, ...) { MODE return opened(where, path, flags, mode); }
int openat64(int where, const char *path, int flags, ...) { MODE return opened(where, path, flags, mode); }

/* A change of a name: `real` is called once, and noted where it succeeds. */
#define NAMED(kind, name, path, call)                        \
  if (inside || !below(path)) return call;                   \
  enter();                                                   \
  if (last()) die();                                         \
  uint64_t inode = inode_at(path);                           \
  int refused = control->write_error == EROFS;               \
  int result = refused ? (errno = EROFS, -1) : call;         \
  int error = errno;                                         \
  if (!result) note(kind, name, kind == 'M' ? inode_at(path) : inode, 0, NULL, 0); \
  leave();                                                   \
  errno = error;                                             \
  return result;

int unlink(const char *path) { NAMED('U', path, path, real_unlink(path)) }
int remove(const char *path) { NAMED('U', path, path, real_remove(path)) }
int rmdir(const char *path) { NAMED('D', path, path, real_rmdir(path)) }
int mkdir(const char *path, mode_t mode) { NAMED('M', path, path, real_mkdir(path, mode)) }

int unlinkat(int where, const char *path, int flags) {
  if (where != AT_FDCWD) return real_unlinkat(where, path, flags);
  NAMED(flags & AT_REMOVEDIR ? 'D' : 'U', path, path, real_unlinkat(where, path, flags))
}

int rename(const char *from, const char *to) {
  char both[2 * PATH_MAX];
  snprintf(both, sizeof both, "%s\n%s", from, to);
  NAMED('R', both, from, real_rename(from, to))
}
