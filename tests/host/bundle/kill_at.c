// Preloaded into a program: kills it at a chosen call that changes a folder, before the call, after
// it, or in the midst of it. What a phase is goes by the path that the call is about.
//   KILL_STORE   the folder; calls elsewhere are not counted
//   KILL_PHASE, KILL_AT, KILL_HOW   which call of which phase; before, after or half
//   KILL_COUNT   file that "phase count" lines are written to at the end
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum Phase { BEGIN, CLEAR, STAGE, NAME, HISTORY, FORCE, PRUNE, PHASES };
static const char* const names[PHASES] = {"begin",   "clear", "stage", "name",
                                          "history", "force", "prune"};
static int counts[PHASES];

static int has(const char* text, const char* part) { return strstr(text, part) != NULL; }

// Of a call about `path`; `removes` and `to` say more about it.
static int phase_of(const char* path, int removes, const char* to) {
  const char* const store = getenv("KILL_STORE");
  if (store == NULL || path == NULL || strncmp(path, store, strlen(store)) != 0) return -1;
  const char* const rest = path + strlen(store);
  if (to != NULL && has(to, "/plugins.lock")) return FORCE;
  if (to != NULL && has(to, "/generations/")) return HISTORY;
  if (to != NULL && has(to, "/bundles/")) return NAME;
  if (to != NULL || (removes && has(rest, "/generations/"))) return PRUNE;
  if (removes) return CLEAR;
  if (has(rest, "/plugins.lock")) return FORCE;
  if (has(rest, "/staging/generation") || has(rest, "/generations")) return HISTORY;
  if (has(rest, "/staging/")) return STAGE;
  if (has(rest, "/bundles")) return NAME;
  return BEGIN;
}

static void die(void) { syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); }

// Whether this is the call; kills at once where it is to happen before.
static const char* reached(int phase) {
  if (phase < 0) return NULL;
  ++counts[phase];
  const char* const wanted = getenv("KILL_PHASE");
  const char* const at = getenv("KILL_AT");
  const char* const how = getenv("KILL_HOW");
  if (wanted == NULL || at == NULL || how == NULL || strcmp(wanted, names[phase]) != 0 ||
      atoi(at) != counts[phase]) {
    return NULL;
  }
  if (strcmp(how, "before") == 0) die();
  return how;
}

static const char* path_of(int file, char* buffer, size_t size) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, buffer, size - 1);
  if (length < 0) return NULL;
  buffer[length] = '\0';
  return buffer;
}

static const char* path_at(int folder, const char* path, char* buffer, size_t size) {
  if (path[0] == '/' || folder == AT_FDCWD) return path;
  if (path_of(folder, buffer, size) == NULL) return NULL;
  const size_t length = strlen(buffer);
  snprintf(buffer + length, size - length, "/%s", path);
  return buffer;
}

__attribute__((destructor)) static void write_counts(void) {
  const char* const path = getenv("KILL_COUNT");
  FILE* const file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  for (int i = 0; i < PHASES; ++i) fprintf(file, "%s %d\n", names[i], counts[i]);
  fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void* bytes, size_t size) {
  char buffer[4096];
  const char* const how = reached(phase_of(path_of(file, buffer, sizeof(buffer)), 0, NULL));
  const size_t part = how != NULL && strcmp(how, "half") == 0 ? size / 2 : size;
  const ssize_t written = REAL(write)(file, bytes, part);
  if (how != NULL) die();
  return written;
}

int fsync(int file) {
  char buffer[4096];
  const char* const how = reached(phase_of(path_of(file, buffer, sizeof(buffer)), 0, NULL));
  const int result = REAL(fsync)(file);
  if (how != NULL) die();
  return result;
}

int rename(const char* from, const char* to) {
  const char* const how = reached(phase_of(from, 0, to));
  const int result = REAL(rename)(from, to);
  if (how != NULL) die();
  return result;
}

int mkdir(const char* path, mode_t mode) {
  const char* const how = reached(phase_of(path, 0, NULL));
  const int result = REAL(mkdir)(path, mode);
  if (how != NULL) die();
  return result;
}

int fchmodat(int folder, const char* path, mode_t mode, int flags) {
  char buffer[4096];
  const char* const how = reached(phase_of(path_at(folder, path, buffer, sizeof(buffer)), 0, NULL));
  const int result = REAL(fchmodat)(folder, path, mode, flags);
  if (how != NULL) die();
  return result;
}

int unlinkat(int folder, const char* path, int flags) {
  char buffer[4096];
  const char* const how = reached(phase_of(path_at(folder, path, buffer, sizeof(buffer)), 1, NULL));
  const int result = REAL(unlinkat)(folder, path, flags);
  if (how != NULL) die();
  return result;
}

int remove(const char* path) {
  const char* const how = reached(phase_of(path, 1, NULL));
  const int result = REAL(remove)(path);
  if (how != NULL) die();
  return result;
}

static int open_counted(const char* path, int flags, mode_t mode) {
  const char* const how = (flags & O_CREAT) != 0 ? reached(phase_of(path, 0, NULL)) : NULL;
  const int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (how != NULL) die();
  return file;
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_counted(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_counted(path, flags, mode);
}
