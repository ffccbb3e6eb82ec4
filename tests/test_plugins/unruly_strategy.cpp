// A strategy that keeps the rules until the one place that its parameters name, and there does the
// one thing that they name: what an isolated plugin must be able to do without harm to others.
// UNRULY_LOAD makes a library that does it in its constructors instead.
#include <link.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <string>
#include <string_view>

#include "gantry/strategy.hpp"
#include "round_trip.hpp"

namespace {

using namespace gantry;

volatile int* volatile nowhere = nullptr;

void act(std::string_view what) {
  if (what == "segv") *nowhere = 7;
  if (what == "abort") std::abort();
  if (what == "kill") ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), SIGKILL);
  if (what == "loop") {
    for (volatile bool on = true; on;) {
    }
  }
  if (what == "allocate") {
    constexpr std::size_t bytes = 10ULL << 30U;
    auto* block = static_cast<volatile char*>(std::malloc(bytes));
    if (block == nullptr) throw std::bad_alloc();
    for (std::size_t i = 0; i < bytes; i += 4096) block[i] = 1;
  }
  if (what == "socket") ::socket(AF_INET, SOCK_STREAM, 0);
  if (what == "clock") {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
  }
  if (what == "exit") std::exit(0);
  if (what == "open_environ") ::syscall(SYS_openat, -100, "/proc/self/environ", 0);
  if (what == "open_host_memory") ::syscall(SYS_openat, -100, "/proc/1/mem", 0);
}

#ifdef UNRULY_LOAD
[[gnu::constructor]] void at_load() { act(UNRULY_LOAD); }
#endif

// Whether a page can be read, asked of the kernel, as a probe that faults would be the end.
bool readable(const std::uint8_t* at) {
  // FUTEX_WAIT for a value that is not there: EAGAIN, and EFAULT where nothing is.
  const auto word = reinterpret_cast<std::uintptr_t>(at) & ~std::uintptr_t{3};
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

  void around(const void* anchor) {
    constexpr std::uintptr_t page = 4096;
    constexpr std::uintptr_t bytes_max = 64U << 20U;
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(anchor) & ~(page - 1);
    for (std::uintptr_t low = at; at - low < bytes_max && look(low); low -= page) {
    }
    for (std::uintptr_t up = at + page; up - at < bytes_max && look(up); up += page) {
    }
  }
  std::uint64_t pages() const { return pages_; }
  std::uint64_t found() const { return found_; }

 private:
  bool look(std::uintptr_t page) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(page);
    if (!readable(bytes)) return false;
    ++pages_;
    for (std::size_t i = 0; i + wanted_.size() <= 4096; ++i) {
      if (bytes[i] == static_cast<std::uint8_t>(first_) &&
          std::memcmp(bytes + i + 1, wanted_.data() + 1, wanted_.size() - 1) == 0) {
        ++found_;
      }
    }
    return true;
  }

  std::string wanted_;
  char first_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t found_ = 0;
};

class UnrulyStrategy final : public TradingStrategy {
 public:
  UnrulyStrategy(Host host, const Config& config)
      : host_(host),
        act_(config.string("act")),
        phase_(config.string("phase")),
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
    if (act_ == "search") search(market);
    if (++finds_ > after_) maybe("find");
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
    if (phase_ == phase) act(act_);
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
    host_.count("pages", search.pages());
    host_.count("found", search.found());
    if (environ != nullptr && *environ != nullptr) host_.count("variables");
    char byte = 0;
    for (int descriptor = 0; descriptor < 256; ++descriptor) {
      if (::pread(descriptor, &byte, 1, 0) == 1) host_.count("readable files");
    }
  }

  Host host_;
  std::string act_;
  std::string phase_;
  std::int64_t after_;
  std::string secret_;
  std::int64_t finds_ = 0;
};

}  // namespace

GANTRY_PLUGIN(UnrulyStrategy);
