// Each case forks a child that enters the sandbox and then misbehaves; what the parent sees is its
// exit code and what it wrote to the report.
#include "host/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

using namespace gantry::host;

namespace {

struct Outcome {
  int status = -1;
  std::string report;

  bool stopped() const { return WIFEXITED(status) && WEXITSTATUS(status) == sandbox_exit_code; }
  int code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }
  std::string violation() const { return violation_in(report).value_or("none"); }
};

// `act` runs inside; its answer is the exit code.
Outcome inside(const std::function<int(int report)>& act,
               const std::function<void(SandboxOptions&)>& change = {}) {
  int ends[2];
  REQUIRE(::pipe2(ends, 0) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGXCPU, SIG_DFL);
    ::signal(SIGSEGV, SIG_DFL);
    ::signal(SIGABRT, SIG_DFL);
    SandboxOptions options;
    options.report = ends[1];
    options.cpu_s_max = 2;
    if (change) change(options);
    if (!enter_sandbox(options)) ::_exit(99);
    ::_exit(act(ends[1]));
  }
  ::close(ends[1]);
  Outcome outcome;
  char buffer[512];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    outcome.report.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  REQUIRE(::waitpid(child, &outcome.status, 0) == child);
  return outcome;
}

}  // namespace

TEST_CASE("a child that only computes and takes memory ends as it wishes") {
  const auto outcome = inside([](int) {
    std::vector<int> numbers(1 << 20, 1);
    return numbers[12345] == 1 ? 7 : 8;
  });
  CHECK(outcome.code() == 7);
  CHECK(outcome.violation() == "none");
}

TEST_CASE("what would leave the sandbox is stopped, and the report names the system call") {
  const auto [name, act] = GENERATE(table<std::string, std::function<int(int)>>({
      {"socket", [](int) { return ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"openat of /etc/passwd", [](int) { return ::open("/etc/passwd", O_RDONLY); }},
      {"openat of /proc/self/environ", [](int) { return ::open("/proc/self/environ", O_RDONLY); }},
      {"openat of /tmp/made", [](int) { return ::open("/tmp/made", O_WRONLY | O_CREAT, 0600); }},
      {"clone", [](int) { return static_cast<int>(::fork()); }},
      {"execve", [](int) { return ::execl("/bin/true", "true", nullptr); }},
      {"kill", [](int) { return ::kill(1, 0); }},
      {"unlink", [](int) { return ::unlink("/tmp/made"); }},
      {"getppid", [](int) { return static_cast<int>(::getppid()); }},
      {"clock_nanosleep", [](int) { return static_cast<int>(::usleep(1)); }},
  }));
  INFO(name);
  const auto outcome = inside(act);
  CHECK(outcome.stopped());
  CHECK(outcome.violation() == name);
}

TEST_CASE("it can end itself by a signal as a program does, but not by SIGKILL") {
  CHECK(inside([](int) { return ::raise(SIGABRT); }).code() == -SIGABRT);
  // Upper bits that the kernel does not look at change nothing.
  const long number =
      GENERATE(static_cast<long>(SIGKILL), static_cast<long>(SIGSTOP), (1L << 32U) | SIGKILL);
  const auto outcome = inside([&](int) {
    return static_cast<int>(
        ::syscall(SYS_tgkill, ::getpid(), static_cast<pid_t>(::syscall(SYS_gettid)), number));
  });
  CHECK(outcome.stopped());
  CHECK(outcome.violation() == "tgkill");
}

TEST_CASE("a thread cannot be made") {
  const auto outcome = inside([](int) {
    std::thread([] {}).join();
    return 0;
  });
  // The C library blocks signals around clone(): the kernel ends the process.
  CHECK(outcome.code() == -SIGSYS);
}

TEST_CASE("an allocation of 10 GB fails, and the child lives on") {
  const auto outcome = inside([](int) {
    void* much = ::mmap(nullptr, 10ULL << 30U, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return much == MAP_FAILED ? 7 : 8;
  });
  CHECK(outcome.code() == 7);
}

TEST_CASE("a child that takes memory piece by piece finds its limit") {
  const auto outcome = inside(
      [](int) {
        std::size_t taken = 0;
        for (; taken < 1024; ++taken) {
          if (::mmap(nullptr, 1U << 20U, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
              MAP_FAILED) {
            break;
          }
        }
        return taken >= 32 && taken <= 64 ? 7 : 8;
      },
      [](SandboxOptions& options) { options.memory_bytes_max = 64U << 20U; });
  CHECK(outcome.code() == 7);
}

TEST_CASE("a loop without end is ended by the limit on processor time") {
  const auto outcome = inside(
      [](int) {
        for (volatile bool always = true; always;) {
        }
        return 0;
      },
      [](SandboxOptions& options) { options.cpu_s_max = 1; });
  CHECK((outcome.code() == -SIGXCPU || outcome.code() == -SIGKILL));
}

TEST_CASE("the environment is gone, and so are the bytes that it was made of") {
  ::setenv("KIT_TEST_SECRET", "open sesame", 1);
  const char* value = ::getenv("KIT_TEST_SECRET");
  const auto outcome = inside([&](int) {
    if (::getenv("KIT_TEST_SECRET") != nullptr) return 8;
    return *value == '\0' ? 7 : 9;
  });
  CHECK(outcome.code() == 7);
  ::unsetenv("KIT_TEST_SECRET");
}

TEST_CASE("descriptors that were not named are closed, and the named ones work") {
  const int secret = ::open("/proc/self/exe", O_RDONLY);
  const int kept = ::open("/proc/self/exe", O_RDONLY);
  REQUIRE(secret >= 0);
  const auto outcome = inside(
      [&](int) {
        char byte = 0;
        if (::read(secret, &byte, 1) == 1 || ::read(0, &byte, 1) == 1) return 8;
        return ::read(kept, &byte, 1) == 1 && byte == 0x7f ? 7 : 9;
      },
      [&](SandboxOptions& options) { options.keep = {kept}; });
  CHECK(outcome.code() == 7);
  ::close(secret);
  ::close(kept);
}

TEST_CASE("only descriptors that are writable can be written to") {
  const auto outcome = inside([](int) { return static_cast<int>(::write(1, "x", 1)); },
                              [](SandboxOptions& options) { options.keep = {1}; });
  CHECK(outcome.stopped());
  CHECK(outcome.violation() == "write");
}

TEST_CASE("a named file opens by its name, from its beginning, each time") {
  const int file = ::open("/proc/self/exe", O_RDONLY);
  const auto outcome = inside(
      [&](int) {
        for (int i = 0; i < 3; ++i) {
          const int copy = ::open("/no/such/folder/library.so", O_RDONLY);
          char bytes[2] = {};
          if (copy < 0 || ::read(copy, bytes, 2) != 2 || bytes[1] != 'E') return 8;
          ::close(copy);
        }
        return 7;
      },
      [&](SandboxOptions& options) {
        options.keep = {file};
        options.files = {{"/no/such/folder/library.so", file}};
      });
  CHECK(outcome.code() == 7);
  ::close(file);
}

#if defined(__x86_64__)
TEST_CASE("the clock cannot be read, unless it is allowed") {
  const auto read = [](int) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > 0 ? 7 : 8;
  };
  const auto outcome = inside(read);
  // By the time stamp counter, or by a system call where the clock does not use it.
  CHECK((outcome.code() == -SIGSEGV || outcome.violation() == "clock_gettime"));
  CHECK(inside(read, [](SandboxOptions& options) { options.clock = true; }).code() == 7);
}
#endif

TEST_CASE("the child leads a process group of its own") {
  const auto outcome = inside([](int report) {
    const auto pid = ::getpid();
    return ::write(report, &pid, sizeof(pid)) == sizeof(pid) ? 7 : 8;
  });
  CHECK(outcome.code() == 7);
  // As the parent would: its group can be addressed by its number, so it has one.
  int ends[2];
  REQUIRE(::pipe2(ends, 0) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    SandboxOptions options;
    options.report = ends[1];
    if (!enter_sandbox(options)) ::_exit(99);
    static_cast<void>(!::write(ends[1], "x", 1));
    for (volatile bool always = true; always;) {
    }
  }
  char byte = 0;
  REQUIRE(::read(ends[0], &byte, 1) == 1);
  CHECK(::getpgid(child) == child);
  CHECK(::kill(-child, SIGKILL) == 0);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  ::close(ends[0]);
  ::close(ends[1]);
}
