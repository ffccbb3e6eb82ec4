#include "host/ports/random.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace gantry::host {

Random system_random() {
  return [](std::span<std::uint8_t> out) -> Status {
    while (!out.empty()) {
      const ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return fail(ErrorKind::io, fmt::format("this machine gives no random bytes: {}. A kernel "
                                               "with getrandom() is needed",
                                               std::strerror(errno)));
      }
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  };
}

}  // namespace gantry::host
