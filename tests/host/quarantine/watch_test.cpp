// The watch without plugins: guarded calls that end the process, each in a child of its own.
#include "host/quarantine/watch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "host/plugin/call_guard.hpp"
#include "host/quarantine/quarantine.hpp"
#include "support/temporary_folder.hpp"
#include "tests/test_plugins/saboteur.hpp"

using namespace gantry::host;
using gantry::test::TemporaryFolder;

namespace {

const Culprit strategy{"first", "my_strategy", "1.0.0", std::string(64, 'a'), "/p/s.so", 0, 0};
const Culprit venue{"second", "my_dex", "2.0.0", std::string(64, 'b'), "/p/d.so", 0, 0};

struct Child {
  pid_t pid;
  const std::filesystem::path& folder;

  // Its exit code, or 128 + signal.
  int wait() const {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

Child start(const std::filesystem::path& folder, const std::function<void()>& act,
            std::int64_t hang_ms = 0) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return {pid, folder};
  // Catch's own handlers and messages are not wanted here.
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS, SIGTERM}) {
    ::signal(number, SIG_DFL);
  }
  auto watch = PluginWatch::start({folder, hang_ms, "a test"});
  if (!watch) ::_exit(99);
  act();
  watch->reset();
  ::_exit(0);
}

void null_write() {
  static volatile int* volatile nowhere = nullptr;
  *nowhere = 7;
}
void overflow() {
  volatile int zero = 0;
  gantry::test::dig(&zero);
}
void divide() {
  volatile int zero = 0;
  zero = 10 / zero;
}
[[noreturn]] void loop() {
  for (volatile bool on = true;; static_cast<void>(on)) {
  }
}

void in_thread(const std::function<void()>& act) { std::thread(act).join(); }

struct Expected {
  int code;
  QuarantineCause cause;
  const char* plugin;
  const char* phase;
};

void check(const std::function<void()>& act, const Expected& expected, std::int64_t hang_ms = 0) {
  const TemporaryFolder folder;
  CHECK(start(folder.path(), act, hang_ms).wait() == expected.code);
  const auto quarantine = Quarantine::open(folder.path());
  REQUIRE(quarantine);
  REQUIRE(quarantine->entries().size() == 1);
  const QuarantineEntry& entry = quarantine->entries()[0];
  INFO(entry.reason);
  CHECK(entry.plugin == expected.plugin);
  CHECK(entry.cause == expected.cause);
  CHECK(entry.phase == expected.phase);
  CHECK(entry.log[0] == "it happened in: a test");
}

void check_nobody(const std::function<void()>& act, int code) {
  const TemporaryFolder folder;
  CHECK(start(folder.path(), act).wait() == code);
  const auto quarantine = Quarantine::open(folder.path());
  REQUIRE(quarantine);
  CHECK(quarantine->entries().empty());
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace

TEST_CASE("a fatal signal names whose call the thread was in, on every thread") {
  const std::pair<void (*)(), int> acts[] = {{&null_write, SIGSEGV},
                                             {&overflow, SIGSEGV},
                                             {&divide, SIGFPE},
                                             {[] { std::abort(); }, SIGABRT}};
  for (const auto& [act, number] : acts) {
    const auto guarded = [act = act] {
      const CallGuard guard(venue, Phase::quote);
      act();
    };
    check(guarded, {128 + number, QuarantineCause::signal, "my_dex", "quote"});
    check([&] { in_thread(guarded); }, {128 + number, QuarantineCause::signal, "my_dex", "quote"});
  }
}

TEST_CASE("exit() in a call names who called it, and the host ends at once") {
  const auto guarded = [](void (*leave)(int)) {
    return [leave] {
      const CallGuard guard(strategy, Phase::find);
      leave(0);
    };
  };
  for (const auto act : {guarded(&std::exit), guarded(&std::quick_exit)}) {
    check(act, {1, QuarantineCause::exit, "my_strategy", "find"});
    check([&] { in_thread(act); }, {1, QuarantineCause::exit, "my_strategy", "find"});
  }
  check_nobody([] { std::exit(7); }, 7);
}

TEST_CASE(
    "a venue that a strategy asked is named for its own fault, and the strategy for its own") {
  check(
      [] {
        const CallGuard find(strategy, Phase::find);
        const CallGuard quote(venue, Phase::quote);
        null_write();
      },
      {128 + SIGSEGV, QuarantineCause::signal, "my_dex", "quote"});
  check(
      [] {
        const CallGuard find(strategy, Phase::find);
        {
          const CallGuard quote(venue, Phase::quote);
        }
        null_write();
      },
      {128 + SIGSEGV, QuarantineCause::signal, "my_strategy", "find"});
}

TEST_CASE(
    "a call that does not come back is named, and who calls for ever instead of who is asked") {
  check(
      [] {
        const CallGuard find(strategy, Phase::find);
        const CallGuard quote(venue, Phase::quote);
        loop();
      },
      {1, QuarantineCause::hang, "my_dex", "quote"}, 400);
  check(
      [] {
        const CallGuard find(strategy, Phase::find);
        while (true) const CallGuard quote(venue, Phase::quote);
      },
      {1, QuarantineCause::hang, "my_strategy", "find"}, 400);
}

TEST_CASE("many short calls are no hang, and neither is a thread that waits between them") {
  const TemporaryFolder folder;
  const auto act = [] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
    while (std::chrono::steady_clock::now() < end) const CallGuard find(strategy, Phase::find);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    const CallGuard find(strategy, Phase::find);
  };
  CHECK(start(folder.path(), act, 1000).wait() == 0);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("outside of calls nobody is named") {
  check_nobody(&null_write, 128 + SIGSEGV);
  check_nobody(
      [] {
        {
          const CallGuard find(strategy, Phase::find);
        }
        std::abort();
      },
      128 + SIGABRT);
  check_nobody([] {}, 0);
}

TEST_CASE("a signal that another process sends names nobody, wherever it hits") {
  for (const int number : {SIGKILL, SIGSEGV, SIGABRT, SIGFPE, SIGTERM}) {
    const TemporaryFolder folder;
    const Child child = start(folder.path(), [] {
      const CallGuard find(strategy, Phase::find);
      loop();
    });
    // Its file is there before it calls anybody.
    while (folder.files() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    {
      const auto while_it_lives = Quarantine::open(folder.path());
      REQUIRE(while_it_lives);
      CHECK(folder.files() == 1);
    }
    ::kill(child.pid, number);
    CHECK(child.wait() == 128 + number);
    const auto quarantine = Quarantine::open(folder.path());
    REQUIRE(quarantine);
    CHECK(quarantine->entries().empty());
    CHECK(folder.files() == 0);
  }
}

TEST_CASE("two threads that crash at once leave one whole record") {
  for (int round = 0; round < 20; ++round) {
    const TemporaryFolder folder;
    const int code = start(folder.path(), [] {
                       std::thread other([] {
                         const CallGuard guard(venue, Phase::quote);
                         null_write();
                       });
                       const CallGuard guard(strategy, Phase::find);
                       null_write();
                     }).wait();
    CHECK(code == 128 + SIGSEGV);
    const auto quarantine = Quarantine::open(folder.path());
    REQUIRE(quarantine);
    REQUIRE(quarantine->entries().size() == 1);
    CHECK(quarantine->entries()[0].reason.starts_with("SIGSEGV in "));
  }
}
