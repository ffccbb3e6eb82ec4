// Puts the calling process where code of a stranger can do nothing but compute. It is called in a
// child process, before the stranger's library is mapped, so before its constructors; there is no
// way back.
//
// CLOSED     Every descriptor but those named. The environment: its variables are gone, and the
//            memory that held them is overwritten. New privileges (PR_SET_NO_NEW_PRIVS), dumps and
//            tracing by others of this user (PR_SET_DUMPABLE). The process leads a group of its
//            own, so that it can be killed whole, and dies with its parent.
// BOUNDED    Address space (what is mapped at entry, and memory_bytes_max more), CPU seconds
//            (SIGXCPU, then SIGKILL), descriptors, core files; no file can be written, no process
//            or thread made.
// ALLOWED    System calls, all others end the process:
//              memory       brk mmap mremap munmap mprotect madvise
//              descriptors  read pread64 lseek close dup fstat newfstatat(AT_EMPTY_PATH) on what is
//                           open; write writev on `writable` alone
//              itself       futex sched_yield getpid gettid exit exit_group rt_sigprocmask
//                           rt_sigreturn sigaltstack; tgkill of itself by SIGABRT, SEGV, BUS,
//                           FPE, ILL, TRAP, TERM or INT: a SIGKILL is always another's
//              files        open and openat of a path in `files`, which give a copy of its
//                           descriptor, rewound: nothing is ever looked up in the file system
//              clock        clock_gettime gettimeofday time, only with `clock`
//            prlimit64, sysinfo, sched_getaffinity, getcpu, uname and ioctl answer EPERM: the C
//            library asks them in passing. rt_sigaction answers that it was done, and nothing is.
//            Without `clock` the time stamp counter is off too, on x86-64, and with it the clock
//            that the C library reads without a system call: reading it is SIGSEGV (see
//            reads_clock()).
// REPORTED   A system call that is not allowed: one line, "!syscall NUMBER [PATH]\n", is written
//            to `report`, then the process ends with code 86. Where signals are blocked, as around
//            the clone() of a thread, the kernel ends it with SIGSYS, and no line is written.
// NOT KEPT   Memory: the code can read and write all of its process. What must stay secret must not
//            be in the child at all: start it by exec with an empty environment, not by fork alone.
// THREADS    The process must have one thread.
// ERRORS     io: the kernel refused a part of it, which is named; the process must then end.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"

namespace gantry::host {

inline constexpr int sandbox_exit_code = 86;

// What open() of `path` is answered with.
struct SandboxFile {
  std::string path;
  int descriptor = -1;
};

struct SandboxOptions {
  std::vector<int> keep;           // descriptors that stay open
  std::vector<int> writable;       // of those, the ones that may be written to
  std::vector<SandboxFile> files;  // of those, the ones that can be opened by a name
  int report = -1;                 // where a violation is written; -1: nowhere. Stays open
  std::uint64_t memory_bytes_max = 1ULL << 30U;
  std::uint64_t cpu_s_max = 30;
  bool clock = false;
};

Status enter_sandbox(const SandboxOptions& options);

// "socket" of 41; the number where it has no name.
std::string syscall_name(long number);

// The first violation in what was read from `report`, as "socket" or "openat of /etc/passwd".
std::optional<std::string> violation_in(std::string_view report);

// Whether a SIGSEGV at this instruction is a read of the time stamp counter that is turned off.
bool reads_clock(const void* instruction) noexcept;

}  // namespace gantry::host
