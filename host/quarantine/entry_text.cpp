#include "host/quarantine/entry_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace gantry::host {

std::string utc_text(std::int64_t unix_s) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

std::string consequence_of(const QuarantineEntry& entry) {
  switch (entry.cause) {
    case QuarantineCause::signal:
    case QuarantineCause::hang:
    case QuarantineCause::exit:
      return "no start loads this very library until it is cleared";
    case QuarantineCause::rule:
      return "no run loads this very library until it is cleared; a replay does";
    case QuarantineCause::deadline:
      return "noted only, for the machine may be to blame: the next start loads it";
    case QuarantineCause::unproven:
      return "noted only, for it may have been another's doing: the next start loads it";
    case QuarantineCause::load:
      return "noted only, for what was missing may be there by now: the next start tries again";
    case QuarantineCause::damaged:
      break;
  }
  return "what it did is not known any more, so no start loads it until it is cleared";
}

}  // namespace gantry::host
