// The child's side of a check: into the sandbox, then the library, then the result.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "host/kit/channel.hpp"
#include "host/kit/check.hpp"
#include "host/kit/memory.hpp"
#include "host/kit/recorded.hpp"
#include "host/plugin/library.hpp"
#include "host/sandbox/sandbox.hpp"

namespace gantry::host {
namespace {

using namespace kit;

constexpr std::uint64_t memory_bytes_max = 1ULL << 30U;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(report_descriptor, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

const void* instruction_of(const ucontext_t* context) {
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(context->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const void*>(context->uc_mcontext.pc);
#endif
}

// Says what it can, then lets the signal do what it does: the handler is gone when it returns.
void on_crash(int signal, siginfo_t* info, void* raw) {
  const char* text = nullptr;
  if (signal == SIGSEGV || signal == SIGBUS) {
    text = explain_fault(info->si_addr);
    const void* at = instruction_of(static_cast<const ucontext_t*>(raw));
    // A jump to nowhere cannot be looked at.
    if (text == nullptr && info->si_code == SI_KERNEL && reads_clock(at)) {
      text = "it read the clock";
    }
    if (text == nullptr && info->si_addr == nullptr && info->si_code != SI_KERNEL) {
      text = "it used a null pointer";
    }
  }
  if (text == nullptr) return;
  char line[160] = "!crash ";
  std::strncat(line, text, sizeof(line) - 10);
  std::strcat(line, "\n");
  write_all(line);
}

void catch_crashes() {
  // On a stack of its own: the plugin's may have overflowed.
  static std::array<std::uint8_t, 64 * 1024> stack;
  const stack_t other{stack.data(), 0, stack.size()};
  ::sigaltstack(&other, nullptr);
  struct sigaction action{};
  action.sa_sigaction = &on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    ::sigaction(signal, &action, nullptr);
  }
}

// The same library without the list of its constructors, in memory.
int without_constructors() {
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 65536> buffer{};
  ::lseek(library_descriptor, 0, SEEK_SET);
  for (ssize_t n = 0; (n = ::read(library_descriptor, buffer.data(), buffer.size())) > 0;) {
    bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + n);
  }
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header)) return -1;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::size_t at = header.e_phoff + i * sizeof(segment);
    if (at + sizeof(segment) > bytes.size()) return -1;
    std::memcpy(&segment, bytes.data() + at, sizeof(segment));
    if (segment.p_type != PT_DYNAMIC) continue;
    for (std::size_t row = segment.p_offset;
         row + sizeof(Elf64_Dyn) <= std::min(bytes.size(), segment.p_offset + segment.p_filesz);
         row += sizeof(Elf64_Dyn)) {
      Elf64_Dyn entry;
      std::memcpy(&entry, bytes.data() + row, sizeof(entry));
      if (entry.d_tag == DT_INIT_ARRAYSZ || entry.d_tag == DT_FINI_ARRAYSZ) entry.d_un.d_val = 0;
      std::memcpy(bytes.data() + row, &entry, sizeof(entry));
    }
  }
  const int copy = ::memfd_create("plain", MFD_CLOEXEC);
  if (copy < 0) return -1;
  for (std::size_t done = 0; done < bytes.size();) {
    const auto n = ::write(copy, bytes.data() + done, bytes.size() - done);
    if (n <= 0) return -1;
    done += static_cast<std::size_t>(n);
  }
  return copy;
}

int give_up(std::string_view reason) {
  write_all(fmt::format("{}{}\n", kit_mark, reason));
  return 1;
}

}  // namespace

int run_check_in_child(const CheckOrder& order) {
  const Check* check = find_check(order.check);
  if (check == nullptr) return give_up("there is no such check");
  spdlog::set_level(spdlog::level::off);
  const std::string path = fmt::format("/proc/self/fd/{}", library_descriptor);
  auto file = inspect_plugin_file(path);
  if (!file) return give_up(file.error().message);
  Subject subject;
  subject.file = &*file;
  subject.library = path;
  subject.seed = order.seed;
  if (!order.recording.empty()) {
    auto recorded = read_recorded_pools(order.recording);
    if (!recorded) return give_up(recorded.error().message);
    subject.recorded = std::move(*recorded);
  }
  void* board =
      ::mmap(nullptr, board_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, board_descriptor, 0);
  if (board == MAP_FAILED) return give_up("no shared memory");
  set_phase_memory(static_cast<char*>(board), board_bytes);
  set_phase("before the first call");
  subject.maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  subject.status = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (subject.maps < 0 || subject.status < 0) return give_up("/proc is not mounted");

  SandboxOptions options;
  options.report = report_descriptor;
  options.memory_bytes_max = memory_bytes_max;
  options.cpu_s_max = order.cpu_s_max;
  options.keep = {STDOUT_FILENO, STDERR_FILENO, library_descriptor, subject.maps, subject.status};
  options.writable = {STDOUT_FILENO, STDERR_FILENO};
  options.files = {{path, library_descriptor}};
  if (check->run == &check_constructors) {
    const int plain = without_constructors();
    if (plain < 0) return give_up("no memory for a copy of the library");
    options.keep.push_back(plain);
    options.files.push_back({path + ".plain", plain});
  }
  preload_runtimes(*file);
  catch_crashes();
  if (auto done = enter_sandbox(options); !done) return give_up(done.error().message);
  const CheckResult result = run_check(*check, subject);
  set_phase("reporting");
  write_all(result_line(result, subject.note));
  // Not exit(): handlers that the library registered are not part of the check.
  ::_exit(0);
}

}  // namespace gantry::host
