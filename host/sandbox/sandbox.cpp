#include "host/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

namespace gantry::host {
namespace {

constexpr std::size_t files_max = 64;
constexpr std::size_t path_bytes_max = 256;
constexpr rlim_t spare_descriptors = 8;  // for the copies that open() gives

// What the handler of SIGSYS reads: plain memory, as it may run at any instruction.
struct Doors {
  struct Door {
    std::array<char, path_bytes_max> path;
    int descriptor;
  };
  std::array<Door, files_max> all;
  std::size_t count = 0;
  int report = -1;
};
Doors doors;

std::unexpected<Error> refused(std::string_view what, int code = errno) {
  return fail(ErrorKind::io, fmt::format("the sandbox cannot be made: {}: {}; run on a Linux that "
                                         "allows seccomp filters in a child process",
                                         what, std::strerror(code)));
}

struct Registers {
  long long* result;
  long long arguments[3];
};

Registers registers_of(ucontext_t* context) {
#if defined(__x86_64__)
  auto& r = context->uc_mcontext.gregs;
  return {&r[REG_RAX], {r[REG_RDI], r[REG_RSI], r[REG_RDX]}};
#elif defined(__aarch64__)
  auto& r = context->uc_mcontext.regs;
  return {
      reinterpret_cast<long long*>(&r[0]),
      {static_cast<long long>(r[0]), static_cast<long long>(r[1]), static_cast<long long>(r[2])}};
#else
#error "the sandbox knows x86-64 and aarch64"
#endif
}

// One line without any call of the C library but write().
void report_violation(int number, const char* path) {
  std::array<char, path_bytes_max + 96> line;
  std::size_t size = 0;
  const auto add = [&](const char* text) {
    for (; *text != '\0' && size + 1 < line.size(); ++text) {
      const bool printable = *text > ' ' && *text < 0x7f;
      line[size++] = printable ? *text : '?';
    }
  };
  const auto space = [&] { line[size++] = ' '; };
  add("!syscall");
  space();
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof(digits) - 1, number);
  *end.ptr = '\0';
  add(digits);
  if (path != nullptr) {
    space();
    add(path);
  }
  line[size++] = '\n';
  static_cast<void>(!::write(doors.report, line.data(), size));
}

void on_forbidden_call(int, siginfo_t* info, void* raw) {
  const Registers registers = registers_of(static_cast<ucontext_t*>(raw));
  const int number = info->si_syscall;
  // Making a thread begins with a handler, and fails by its clone().
  if (number == SYS_rt_sigaction) {
    *registers.result = 0;
    return;
  }
  const char* path = nullptr;
#if defined(SYS_open)
  if (number == SYS_open) path = reinterpret_cast<const char*>(registers.arguments[0]);
#endif
  if (number == SYS_openat) path = reinterpret_cast<const char*>(registers.arguments[1]);
  for (std::size_t i = 0; path != nullptr && i < doors.count; ++i) {
    if (std::strcmp(path, doors.all[i].path.data()) != 0) continue;
    const int saved = errno;
    const int copy = ::dup(doors.all[i].descriptor);
    if (copy >= 0) ::lseek(copy, 0, SEEK_SET);
    *registers.result = copy >= 0 ? copy : -EMFILE;
    errno = saved;
    return;
  }
  report_violation(number, path);
  ::_exit(sandbox_exit_code);
}

std::uint64_t mapped_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Status set_limits(const SandboxOptions& options) {
  const int highest = options.keep.empty() ? 2 : *std::ranges::max_element(options.keep);
  const auto set = [](__rlimit_resource which, rlim_t soft, rlim_t hard) {
    rlimit now{};
    if (::getrlimit(which, &now) != 0) return false;
    const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
    return ::setrlimit(which, &wanted) == 0;
  };
  const rlim_t memory = mapped_bytes() + options.memory_bytes_max;
  const rlim_t descriptors =
      static_cast<rlim_t>(std::max(highest, options.report)) + 1 + spare_descriptors;
  if (!set(RLIMIT_AS, memory, memory) ||
      !set(RLIMIT_CPU, options.cpu_s_max, options.cpu_s_max + 1) || !set(RLIMIT_CORE, 0, 0) ||
      !set(RLIMIT_FSIZE, 0, 0) || !set(RLIMIT_NPROC, 0, 0) || !set(RLIMIT_MEMLOCK, 0, 0) ||
      !set(RLIMIT_NOFILE, descriptors, descriptors)) {
    return refused("a limit");
  }
  return {};
}

Status close_others(const SandboxOptions& options) {
  std::vector<int> keep = options.keep;
  if (options.report >= 0) keep.push_back(options.report);
  std::ranges::sort(keep);
  unsigned next = 0;
  for (const int descriptor : keep) {
    const auto kept = static_cast<unsigned>(descriptor);
    if (kept > next && ::close_range(next, kept - 1, 0) != 0) return refused("close_range");
    next = kept + 1;
  }
  if (::close_range(next, ~0U, 0) != 0) return refused("close_range");
  return {};
}

void scrub_environment() {
  // The kernel laid the texts down behind each other; they stay readable when they are only unset.
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    ::explicit_bzero(*entry, std::strlen(*entry));
  }
  ::clearenv();
}

struct Filter {
  scmp_filter_ctx context;
  int status = 0;

  void allow(int number) { keep(seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0)); }
  void allow(int number, unsigned argument, std::uint64_t value) {
    const scmp_arg_cmp same = SCMP_CMP64(argument, SCMP_CMP_EQ, value, 0);
    keep(seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 1, &same));
  }
  void deny(int number) { keep(seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), number, 0)); }
  void keep(int result) {
    if (status == 0) status = result;
  }
};

Status filter_calls(const SandboxOptions& options) {
  const std::unique_ptr<void, void (*)(void*)> owner(seccomp_init(SCMP_ACT_TRAP),
                                                     [](void* c) { seccomp_release(c); });
  if (!owner) return refused("seccomp_init", ENOMEM);
  Filter filter{owner.get()};
  for (const int number : {SCMP_SYS(brk),
                           SCMP_SYS(mmap),
                           SCMP_SYS(mremap),
                           SCMP_SYS(munmap),
                           SCMP_SYS(mprotect),
                           SCMP_SYS(madvise),
                           SCMP_SYS(read),
                           SCMP_SYS(pread64),
                           SCMP_SYS(lseek),
                           SCMP_SYS(close),
                           SCMP_SYS(dup),
                           SCMP_SYS(fstat),
                           SCMP_SYS(futex),
                           SCMP_SYS(sched_yield),
                           SCMP_SYS(getpid),
                           SCMP_SYS(gettid),
                           SCMP_SYS(exit),
                           SCMP_SYS(exit_group),
                           SCMP_SYS(rt_sigprocmask),
                           SCMP_SYS(rt_sigreturn),
                           SCMP_SYS(sigaltstack)}) {
    filter.allow(number);
  }
  filter.allow(SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH);
  // By the signal too, and each exactly: the kernel looks at 32 of the 64 bits that a filter sees.
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGTERM, SIGINT}) {
    const scmp_arg_cmp itself[] = {
        SCMP_CMP64(0, SCMP_CMP_EQ, static_cast<std::uint64_t>(::getpid()), 0),
        SCMP_CMP64(2, SCMP_CMP_EQ, static_cast<std::uint64_t>(signal), 0)};
    filter.keep(seccomp_rule_add_array(owner.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, itself));
  }
  std::vector<int> writable = options.writable;
  if (options.report >= 0) writable.push_back(options.report);
  for (const int descriptor : writable) {
    filter.allow(SCMP_SYS(write), 0, static_cast<std::uint64_t>(descriptor));
    filter.allow(SCMP_SYS(writev), 0, static_cast<std::uint64_t>(descriptor));
  }
  if (options.clock) {
    for (const int number : {SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time)}) {
      filter.allow(number);
    }
  }
  for (const int number : {SCMP_SYS(prlimit64), SCMP_SYS(sysinfo), SCMP_SYS(sched_getaffinity),
                           SCMP_SYS(getcpu), SCMP_SYS(uname), SCMP_SYS(ioctl)}) {
    filter.deny(number);
  }
  if (filter.status == 0) filter.keep(seccomp_load(filter.context));
  if (filter.status != 0) return refused("seccomp", -filter.status);
  return {};
}

}  // namespace

Status enter_sandbox(const SandboxOptions& options) {
  if (options.files.size() > files_max) return refused("too many files", E2BIG);
  doors = {};
  doors.report = options.report;
  for (const SandboxFile& file : options.files) {
    if (file.path.size() >= path_bytes_max) return refused("a path", ENAMETOOLONG);
    auto& door = doors.all[doors.count++];
    std::ranges::copy(file.path, door.path.begin());
    door.path[file.path.size()] = '\0';
    door.descriptor = file.descriptor;
  }
  // A child of posix_spawn may lead its group already.
  if (::getpgrp() != ::getpid() && ::setpgid(0, 0) != 0) return refused("setpgid");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return refused("PR_SET_PDEATHSIG");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
  if (auto done = set_limits(options); !done) return done;
  if (auto done = close_others(options); !done) return done;
  scrub_environment();
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return refused("PR_SET_DUMPABLE");
#if defined(__x86_64__)
  if (!options.clock && ::prctl(PR_SET_TSC, PR_TSC_SIGSEGV) != 0) return refused("PR_SET_TSC");
#endif
  struct sigaction action{};
  action.sa_sigaction = &on_forbidden_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return refused("sigaction");
  return filter_calls(options);
}

std::string syscall_name(long number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)), &std::free);
  return name ? name.get() : std::to_string(number);
}

std::optional<std::string> violation_in(std::string_view report) {
  constexpr std::string_view mark = "!syscall ";
  const auto begin = report.find(mark);
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view line = report.substr(begin + mark.size());
  line = line.substr(0, line.find('\n'));
  const auto space = line.find(' ');
  long number = 0;
  const std::string_view digits = line.substr(0, space);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  std::string text = syscall_name(number);
  if (space != std::string_view::npos) text += fmt::format(" of {}", line.substr(space + 1));
  return text;
}

bool reads_clock([[maybe_unused]] const void* instruction) noexcept {
#if defined(__x86_64__)
  if (instruction == nullptr) return false;
  const auto* code = static_cast<const unsigned char*>(instruction);
  return code[0] == 0x0f && (code[1] == 0x31 || (code[1] == 0x01 && code[2] == 0xf9));
#else
  return false;
#endif
}

}  // namespace gantry::host
