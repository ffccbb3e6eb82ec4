// One child: started from this program with nothing of the host's but the descriptors it is given,
// and ended for sure.
//
// OWNERSHIP  The destructor kills and reaps it.
// ERRORS     io: the system would not start it.
// THREADS    One at a time.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "host/base/result.hpp"
#include "host/isolation/put_away.hpp"

namespace gantry::host::isolation {

struct Fault {
  Ending ending = Ending::signal;
  std::string text;  // goes on after "its process"
  // In whose code it was: 0 the strategy's, then the venues'; nothing: it is not known, or there
  // was no plugin yet.
  std::optional<std::uint32_t> library = {};
  bool loading = false;  // while it was loaded: then no strategy can have lied about that
};

// Its environment is empty; `descriptors` become 4, 5, 6 and so on in it, 3 is its report, and what
// it prints is kept. The caller's thread must live as long as it does: see Nursery.
class ChildProcess {
 public:
  static Result<std::unique_ptr<ChildProcess>> start(const std::filesystem::path& program,
                                                     std::span<const int> descriptors);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  // Whether it has ended by itself.
  bool ended() noexcept;
  void kill() noexcept;
  // How it ended, as "died of SIGSEGV (Segmentation fault)". Ended or killed before.
  Fault explain();
  // What it had begun to load last; nothing: no library. Ended or killed before.
  std::optional<std::uint32_t> last_loaded();
  pid_t pid() const noexcept { return pid_; }

 private:
  ChildProcess() = default;
  const std::string& report();

  pid_t pid_ = 0;
  int report_ = -1;
  int output_ = -1;
  int status_ = 0;
  bool reaped_ = false;
  std::string report_text_;  // as far as it was read
};

}  // namespace gantry::host::isolation
