/* Preloaded into a server: lets the n-th call that changes what it keeps fail once.
 *
 * FAILING_DISK_ROOT names the data directory, FAILING_DISK_CONTROL a file of one int that both sides
 * map: while it is above 0 each call counts it down, and the one that reaches 0 fails with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static volatile int *countdown;
static char root[PATH_MAX];

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("FAILING_DISK_ROOT"), *control = getenv("FAILING_DISK_CONTROL");
  unsetenv("LD_PRELOAD"); /* the server alone, not what it starts */
  if (!folder || !control) return;
  snprintf(root, sizeof root, "%s", folder);
  int fd = open(control, O_RDWR | O_CLOEXEC);
  void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) countdown = map;
}

static const char *const kept[] = {"/slipway.db", "/objects/",   "/artifacts",       "/logs/",
                                   "/credentials", "/session.key", "/sns-signing.pem", 0};

static int counts(const char *path) {
  size_t length = strlen(root);
  if (strncmp(path, root, length) != 0) return 0;
  if (!path[length]) return 1; /* the names in it */
  for (int i = 0; kept[i]; ++i)
    if (strncmp(path + length, kept[i], strlen(kept[i])) == 0) return 1;
  return 0;
}

static int due_path(const char *path) {
  return counts(path) && __sync_sub_and_fetch(countdown, 1) == 0;
}

static int due(int fd) {
  if (!countdown || *countdown <= 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return due_path(path);
}

static int due_at(int fd, const char *name) {
  if (!countdown || *countdown <= 0) return 0;
  return name[0] == '/' ? due_path(name) : due(fd);
}

#define FAIL_IF(due) do { if (due) { errno = EIO; return -1; } } while (0)
#define FAIL_IF_DUE(fd) FAIL_IF(due(fd))
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { FAIL_IF_DUE(fd); return REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { FAIL_IF_DUE(fd); return REAL(pwrite64)(fd, b, n, o); }
ssize_t write(int fd, const void *b, size_t n) { FAIL_IF_DUE(fd); return REAL(write)(fd, b, n); }
int fsync(int fd) { FAIL_IF_DUE(fd); return REAL(fsync)(fd); }
int fdatasync(int fd) { FAIL_IF_DUE(fd); return REAL(fdatasync)(fd); }
int syncfs(int fd) { FAIL_IF_DUE(fd); return REAL(syncfs)(fd); }
int ftruncate(int fd, off_t n) { FAIL_IF_DUE(fd); return REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { FAIL_IF_DUE(fd); return REAL(ftruncate64)(fd, n); }
int renameat(int a, const char *f, int b, const char *t) { FAIL_IF(due_at(a, f)); return REAL(renameat)(a, f, b, t); }
int linkat(int a, const char *f, int b, const char *t, int x) { FAIL_IF(due_at(a, f)); return REAL(linkat)(a, f, b, t, x); }
int unlinkat(int a, const char *f, int x) { FAIL_IF(due_at(a, f)); return REAL(unlinkat)(a, f, x); }
int mkdirat(int a, const char *f, mode_t m) { FAIL_IF(due_at(a, f)); return REAL(mkdirat)(a, f, m); }
int symlinkat(const char *t, int a, const char *f) { FAIL_IF(due_at(a, f)); return REAL(symlinkat)(t, a, f); }

int openat(int a, const char *f, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  FAIL_IF((flags & O_CREAT) && due_at(a, f));
  return REAL(openat)(a, f, flags, mode);
}
