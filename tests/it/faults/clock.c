/* The time of day, with nanoseconds added that a file has, as the number of them in eight bytes: a clock that steps when the
 * file is written. What does not step, the monotonic clock, is left alone.
 *
 *   FAULTS_CLOCK    the file */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);
static const volatile int64_t *added;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("FAULTS_CLOCK");
  int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  void *mapped = mmap(NULL, sizeof *added, PROT_READ, MAP_SHARED, file, 0);
  real = dlsym(RTLD_NEXT, "clock_gettime");
  if (mapped == MAP_FAILED || !real) {
    perror("FAULTS_CLOCK");
    abort();
  }
  added = mapped;
}

int clock_gettime(clockid_t which, struct timespec *now) {
  const int64_t second = 1000000000;
  int failed = real(which, now);
  if (failed || which != CLOCK_REALTIME) return failed;
  int64_t nanos = now->tv_nsec + *added % second;
  int64_t carried = nanos < 0 ? -1 : nanos / second;
  now->tv_sec += *added / second + carried;
  now->tv_nsec = nanos - carried * second;
  return 0;
}
