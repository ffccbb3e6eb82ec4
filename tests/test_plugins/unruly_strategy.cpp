// A strategy that keeps the rules until the one place that its parameters name, and there does the
// one thing that they name: what an isolated plugin must be able to do without harm to others.
// UNRULY_LOAD makes a library that does it in its constructors instead.
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "gantry/strategy.hpp"
#include "round_trip.hpp"

namespace {

using namespace gantry;

volatile int* volatile nowhere = nullptr;

// Numbers of system calls that the SDK's systems have, and this libc's headers may not.
constexpr long io_uring_setup_call = 425;
constexpr long pidfd_open_call = 434;

void allocate() {
  constexpr std::size_t bytes = 10ULL << 30U;
  auto* block = static_cast<volatile char*>(std::malloc(bytes));
  if (block == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < bytes; i += 4096) block[i] = 1;
}

// Writes far beyond a block, over what the allocator and others keep there, and goes on as if
// nothing were.
void corrupt_heap() {
  auto* volatile block = static_cast<volatile std::uint8_t*>(std::malloc(64));
  for (std::size_t i = 0; i < 8192; ++i) block[i] = 0xa5;
  for (int i = 0; i < 1000; ++i) {
    auto* volatile other = std::malloc(static_cast<std::size_t>(i) * 16 + 1);
    std::free(other);
  }
  std::free(const_cast<std::uint8_t*>(block));
}

// Until the stack ends.
std::size_t overflow(std::size_t depth) {
  if (depth == SIZE_MAX) return 0;
  volatile std::uint8_t room[4096];
  room[depth % sizeof(room)] = 1;
  return overflow(depth + 1) + room[0];
}

constexpr std::uintptr_t at_here = static_cast<std::uintptr_t>(AT_FDCWD);
std::uintptr_t of(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

// Asks the kernel itself, as a plugin that means harm would. `argument` is a path, or a process.
bool call(std::string_view what, const char* argument) {
  const long process = std::strtol(argument, nullptr, 10);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  char byte = 0;
  iovec piece{&byte, 1};
  const char* const none[] = {nullptr};
  const struct {
    std::string_view name;
    long number;
    std::uintptr_t arguments[6];
  } calls[] = {
      {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
      {"connect", SYS_connect, {0, of(&address), sizeof(address)}},
      {"read_file", SYS_openat, {at_here, of(argument), O_RDONLY}},
      {"write_file", SYS_openat, {at_here, of(argument), O_WRONLY | O_CREAT, 0600}},
      {"unlink", SYS_unlinkat, {at_here, of(argument), 0}},
      {"fork", SYS_clone, {SIGCHLD}},
      {"exec", SYS_execve, {of("/bin/true"), of(none), of(none)}},
      {"ptrace", SYS_ptrace, {PTRACE_ATTACH, static_cast<std::uintptr_t>(process), 0, 0}},
      {"read_process",
       SYS_process_vm_readv,
       {static_cast<std::uintptr_t>(process), of(&piece), 1, of(&piece), 1, 0}},
      {"kill_process", SYS_kill, {static_cast<std::uintptr_t>(process), SIGKILL}},
      {"pidfd", pidfd_open_call, {static_cast<std::uintptr_t>(process), 0}},
      {"io_uring", io_uring_setup_call, {1, of(&address)}},
      {"getppid", SYS_getppid, {}},
  };
  for (const auto& one : calls) {
    if (one.name != what) continue;
    const auto& a = one.arguments;
    ::syscall(one.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return true;
  }
  return false;
}

void act(std::string_view what, const char* argument) {
  if (what == "segv") *nowhere = 7;
  if (what == "abort") std::abort();
  // As if it were the venue's doing: in its report, and wherever else it can.
  if (what == "frame") {
    constexpr std::string_view lie = "!loads 1\n";
    if (::write(3, lie.data(), lie.size()) > 0) *nowhere = 7;
  }
  if (what == "kill") ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), SIGKILL);
  if (what == "loop") {
    for (volatile bool on = true; on;) {
    }
  }
  if (what == "spin") {
    const long rounds = std::strtol(argument, nullptr, 10);
    [[maybe_unused]] volatile long spent = 0;
    for (long i = 0; i < rounds; ++i) spent = i;
  }
  if (what == "allocate") allocate();
  if (what == "corrupt") corrupt_heap();
  if (what == "overflow") overflow(0);
  if (what == "thread") std::thread([] {}).join();
  if (what == "clock") {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
  }
  if (what == "exit") std::exit(0);
  if (what == "quick_exit") ::_exit(3);
  call(what, argument);
}

#ifdef UNRULY_LOAD
[[gnu::constructor]] void at_load() { act(UNRULY_LOAD, "/nowhere"); }
#endif

// Whether a page can be read, asked of the kernel, as a probe that faults would be the end.
bool readable(std::uintptr_t word) {
  // FUTEX_WAIT for a value that is not there: EAGAIN, and EFAULT where nothing is.
  constexpr timespec none{0, 1};
  errno = 0;
  ::syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, 0x5a5a5a5a, &none, nullptr, 0);
  return errno != EFAULT;
}

// Looks for a text in all memory that it can find a way to: what is loaded, the stack with what the
// kernel laid on it, the heap, and what the market points to.
class Search {
 public:
  // The text comes reversed, or the parameter itself would be found.
  explicit Search(std::string_view reversed) : wanted_(reversed.rbegin(), reversed.rend()) {
    first_ = wanted_[0];
    wanted_[0] = '?';  // nor this copy
  }

  // All that can be read without a gap around that place.
  void around(const void* anchor) {
    constexpr std::uintptr_t page = 4096;
    constexpr std::uintptr_t bytes_max = 64U << 20U;
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(anchor) & ~(page - 1);
    for (const auto& [begin, end] : seen_) {
      if (at >= begin && at < end) return;
    }
    std::uintptr_t begin = at;
    std::uintptr_t end = at;
    while (end - at < bytes_max && readable(end)) end += page;
    while (at - begin < bytes_max && readable(begin - page)) begin -= page;
    seen_.emplace_back(begin, end);
    pages_ += (end - begin) / page;
    search({reinterpret_cast<const std::uint8_t*>(begin), end - begin});
  }
  void search(std::span<const std::uint8_t> bytes) {
    if (bytes.size() < wanted_.size()) return;
    const auto* at = bytes.data();
    const auto* const end = at + bytes.size() - wanted_.size() + 1;
    while (at < end) {
      at = static_cast<const std::uint8_t*>(
          std::memchr(at, first_, static_cast<std::size_t>(end - at)));
      if (at == nullptr) return;
      found_ += std::memcmp(at + 1, wanted_.data() + 1, wanted_.size() - 1) == 0 ? 1U : 0U;
      ++at;
    }
  }
  std::uint64_t pages() const { return pages_; }
  std::uint64_t found() const { return found_; }

 private:
  std::string wanted_;
  char first_ = 0;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> seen_;
  std::uint64_t pages_ = 0;
  std::uint64_t found_ = 0;
};

class UnrulyStrategy final : public TradingStrategy {
 public:
  UnrulyStrategy(Host host, const Config& config)
      : host_(host),
        act_(config.string("act")),
        phase_(config.string("phase")),
        argument_(config.string("argument")),
        after_(config.integer("after")),
        secret_(config.string("secret")) {
    maybe("create");
  }

  gantry_status prepare(const Market&) override {
    maybe("prepare");
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    host_.count("snapshots");
    if (market.cold()) host_.count("cold");
    if (++finds_ > after_) maybe("find");
    if (act_ == "search" && finds_ == after_) search(market);
    gantry_opportunity found;
    if (phase_ != "find" && act_ != "none" &&
        test::round_trip(market, 0, 0, {{1'000'000'000'000'000, 0, 0, 0}}, found)) {
      found.key = 1;
      sink.emit(found);
    }
    return GANTRY_OK;
  }

  gantry_status validate(const Market& market, const gantry_opportunity& o) override {
    maybe("validate");
    return TradingStrategy::validate(market, o);
  }
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }
  gantry_status plan(const Market&, const gantry_opportunity&,
                     const gantry_instruction_sink*) override {
    maybe("plan");
    return GANTRY_UNSUPPORTED;
  }

 private:
  void maybe(std::string_view phase) const {
    if (phase_ == phase) act(act_, argument_.c_str());
  }

  void search(const Market& market) {
    Search search(secret_);
    int on_stack = 0;
    search.around(&on_stack);
    const std::string on_heap(100, 'x');
    search.around(on_heap.data());
    // Large ones have mappings of their own.
    const std::string mapped(1U << 20U, 'x');
    search.around(mapped.data());
    gantry_token token;
    if (market.token(0, token) == GANTRY_OK) search.around(token.symbol.data);
    gantry_state state;
    if (market.state(0, state) == GANTRY_OK) search.around(state.chunks);
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
            static_cast<Search*>(to)->around(
                reinterpret_cast<const void*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
          }
          return 0;
        },
        &search);
    host_.count("searches");
    host_.count("pages", search.pages());
    if (environ != nullptr && *environ != nullptr) host_.count("variables");
    std::array<std::uint8_t, 4096> page{};
    for (int descriptor = 0; descriptor < 256; ++descriptor) {
      off_t at = 0;
      ssize_t got = 0;
      while ((got = ::pread(descriptor, page.data(), page.size(), at)) > 0) {
        if (at == 0) host_.count("readable files");
        search.search({page.data(), static_cast<std::size_t>(got)});
        at += got;
      }
    }
    host_.count("found", search.found());
  }

  Host host_;
  std::string act_;
  std::string phase_;
  std::string argument_;
  std::int64_t after_;
  std::string secret_;
  std::int64_t finds_ = 0;
};

}  // namespace

GANTRY_PLUGIN(UnrulyStrategy);
