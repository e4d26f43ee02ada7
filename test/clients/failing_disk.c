/* Preloaded into a server: lets the n-th call that changes its database or its objects fail once.
 *
 * FAILING_DISK_ROOT names the data directory, FAILING_DISK_CONTROL a file of one int that both sides
 * map: while it is above 0 each call counts it down, and the one that reaches 0 fails with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static int counts(const char *path) {
  char database[PATH_MAX + 16], objects[PATH_MAX + 16];
  snprintf(database, sizeof database, "%s/slipway.db", root);
  snprintf(objects, sizeof objects, "%s/objects/", root);
  return strncmp(path, database, strlen(database)) == 0 || strncmp(path, objects, strlen(objects)) == 0;
}

static int due(int fd) {
  if (!countdown || *countdown <= 0) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return counts(path) && __sync_sub_and_fetch(countdown, 1) == 0;
}

#define FAIL_IF_DUE(fd) do { if (due(fd)) { errno = EIO; return -1; } } while (0)
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { FAIL_IF_DUE(fd); return REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { FAIL_IF_DUE(fd); return REAL(pwrite64)(fd, b, n, o); }
ssize_t write(int fd, const void *b, size_t n) { FAIL_IF_DUE(fd); return REAL(write)(fd, b, n); }
int fsync(int fd) { FAIL_IF_DUE(fd); return REAL(fsync)(fd); }
int fdatasync(int fd) { FAIL_IF_DUE(fd); return REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t n) { FAIL_IF_DUE(fd); return REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { FAIL_IF_DUE(fd); return REAL(ftruncate64)(fd, n); }
int renameat(int a, const char *f, int b, const char *t) { FAIL_IF_DUE(a); return REAL(renameat)(a, f, b, t); }
int linkat(int a, const char *f, int b, const char *t, int x) { FAIL_IF_DUE(a); return REAL(linkat)(a, f, b, t, x); }
int unlinkat(int a, const char *f, int x) { FAIL_IF_DUE(a); return REAL(unlinkat)(a, f, x); }
