/* Stands between the daemon and the disk, for the files of its database alone: what it writes, truncates and makes durable
 * is numbered, one call goes wrong, and what a power cut would leave is kept beside.
 *
 *   FAULTS_FILE    the database; its `-wal` and `-journal` belong to it. `-shm` does not: it is memory.
 *   FAULTS_DISK    a directory; here are the files as the disk has them: a write is there once it was made durable.
 *   FAULTS_COUNT   a file that gets how many calls there were
 *   FAULTS_AT      the number of the call that goes wrong, 0 for none
 *   FAULTS_KIND    eio, enospc: the call fails. torn: half of a write is done, then the process is killed; a call that is no
 *                  write is not done. cut: power ends before the call, and any of the sectors that were under way may have
 *                  reached the disk. slow: no call fails, and each takes a fiftieth of a second.
 *   FAULTS_LIES    set: durable is said, and nothing is
 *
 * A call that failed to make durable has not: what it was to write is not on the disk after a later call either, as with
 * Linux, which takes pages for clean after an error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { SECTOR = 512, FILES = 3, NOT_OURS = -1 };
static const char *const ENDINGS[FILES] = {"", "-wal", "-journal"};

/* A write that is not durable yet; without bytes, a truncation to the offset. */
struct pending {
  struct pending *next;
  off64_t offset;
  size_t length;
  char *bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pending *first[FILES], **last[FILES];
static int disk[FILES];
static const char *file, *kind;
static int lies, count_file;
static unsigned long at, calls;

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_unlink)(const char *);

static void give_up(const char *what) {
  perror(what);
  abort();
}

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) give_up(name);
  return found;
}

/* The files of the database as they are now are on the disk. */
__attribute__((constructor)) static void begin(void) {
  real_pwrite = next("pwrite64");
  real_write = next("write");
  real_fsync = next("fsync");
  real_fdatasync = next("fdatasync");
  real_ftruncate = next("ftruncate64");
  real_unlink = next("unlink");
  file = getenv("FAULTS_FILE");
  const char *directory = getenv("FAULTS_DISK"), *count = getenv("FAULTS_COUNT"), *number = getenv("FAULTS_AT");
  kind = getenv("FAULTS_KIND");
  lies = getenv("FAULTS_LIES") != NULL;
  if (!file || !directory || !count || !number || !kind) give_up("FAULTS_* are not set");
  at = strtoul(number, NULL, 10);
  count_file = open(count, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (count_file < 0) give_up(count);
  for (int which = 0; which < FILES; which++) {
    char here[4096], there[4096], bytes[65536];
    snprintf(here, sizeof here, "%s%s", file, ENDINGS[which]);
    snprintf(there, sizeof there, "%s/database%s", directory, ENDINGS[which]);
    disk[which] = open(there, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (disk[which] < 0) give_up(there);
    last[which] = &first[which];
    int old = open(here, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    for (off64_t offset = 0; old >= 0 && (got = read(old, bytes, sizeof bytes)) > 0; offset += got)
      if (real_pwrite(disk[which], bytes, got, offset) != got) give_up(there);
    if (old >= 0) close(old);
  }
}

/* Which of the database's files it is. */
static int which_path(const char *path) {
  size_t length = strlen(file);
  if (strncmp(path, file, length) == 0)
    for (int which = 0; which < FILES; which++)
      if (strcmp(path + length, ENDINGS[which]) == 0) return which;
  return NOT_OURS;
}

static int which_fd(int fd) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return NOT_OURS;
  path[length] = 0;
  return which_path(path);
}

static void remember(int which, const void *bytes, size_t length, off64_t offset) {
  struct pending *it = calloc(1, sizeof *it);
  if (!it) give_up("memory");
  it->offset = offset;
  it->length = length;
  if (bytes) {
    it->bytes = malloc(length);
    if (!it->bytes) give_up("memory");
    memcpy(it->bytes, bytes, length);
  }
  *last[which] = it;
  last[which] = &it->next;
}

static void forget(int which) {
  while (first[which]) {
    struct pending *it = first[which];
    first[which] = it->next;
    free(it->bytes);
    free(it);
  }
  last[which] = &first[which];
}

static void make_durable(int which) {
  for (struct pending *it = first[which]; it; it = it->next) {
    if (!it->bytes ? real_ftruncate(disk[which], it->offset) != 0
                   : real_pwrite(disk[which], it->bytes, it->length, it->offset) != (ssize_t)it->length)
      give_up("the disk");
  }
  forget(which);
}

/* Of what was under way, some sectors reached the disk, in no order. */
static void cut(void) {
  unsigned seed = (unsigned)at;
  for (int which = 0; which < FILES; which++)
    for (struct pending *it = first[which]; it; it = it->next)
      for (size_t done = 0; it->bytes && done < it->length;) {
        size_t part = SECTOR - (it->offset + done) % SECTOR;
        if (part > it->length - done) part = it->length - done;
        if (rand_r(&seed) % 2 && real_pwrite(disk[which], it->bytes + done, part, it->offset + done) != (ssize_t)part)
          give_up("the disk");
        done += part;
      }
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Whether this call is the one that goes wrong; locks. */
static int goes_wrong(void) {
  pthread_mutex_lock(&lock);
  char text[32];
  int length = snprintf(text, sizeof text, "%lu\n", ++calls);
  if (real_pwrite(count_file, text, length, 0) != length) give_up("the count");
  if (strcmp(kind, "slow") == 0) usleep(20000);
  if (calls != at) return 0;
  if (strcmp(kind, "cut") == 0) {
    cut();
    die();
  }
  return 1;
}

static int failed(void) {
  pthread_mutex_unlock(&lock);
  errno = strcmp(kind, "enospc") == 0 ? ENOSPC : EIO;
  return -1;
}

static ssize_t write_at(int which, int fd, const void *bytes, size_t length, off64_t offset) {
  if (goes_wrong()) {
    if (strcmp(kind, "torn") != 0) return failed();
    real_pwrite(fd, bytes, length / 2, offset);
    die();
  }
  ssize_t written = real_pwrite(fd, bytes, length, offset);
  if (written > 0) remember(which, bytes, written, offset);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  int which = which_fd(fd);
  return which == NOT_OURS ? real_pwrite(fd, bytes, length, offset) : write_at(which, fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
  int which = which_fd(fd);
  if (which == NOT_OURS) return real_write(fd, bytes, length);
  /* Nobody writes the database so; whoever does begins to count. */
  give_up("a database file is written without an offset");
  return -1;
}

int ftruncate64(int fd, off64_t length) {
  int which = which_fd(fd);
  if (which == NOT_OURS) return real_ftruncate(fd, length);
  if (goes_wrong()) {
    if (strcmp(kind, "torn") == 0) die();
    return failed();
  }
  int done = real_ftruncate(fd, length);
  if (done == 0) remember(which, NULL, 0, length);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_one(int fd, int (*real)(int)) {
  int which = which_fd(fd);
  if (which == NOT_OURS) return real(fd);
  if (goes_wrong()) {
    if (strcmp(kind, "torn") == 0) die();
    if (!lies) forget(which);
    return failed();
  }
  if (!lies) make_durable(which);
  pthread_mutex_unlock(&lock);
  return 0;
}

int fsync(int fd) { return sync_one(fd, real_fsync); }

int fdatasync(int fd) { return sync_one(fd, real_fdatasync); }

/* A file that is removed is gone from the disk at once: the harshest of what may be. */
int unlink(const char *path) {
  int which = which_path(path), done = real_unlink(path);
  if (which != NOT_OURS && done == 0) {
    pthread_mutex_lock(&lock);
    forget(which);
    if (real_ftruncate(disk[which], 0) != 0) give_up("the disk");
    pthread_mutex_unlock(&lock);
  }
  return done;
}
