// What an operator does about a provider that fails.
#pragma once
#include <string_view>

#include "host/provider/statistics.hpp"

namespace gantry::host {

// As a sentence without its full stop; empty: the reason says it, or there is nothing to do.
constexpr std::string_view remedy_of(FailureCause cause) {
  switch (cause) {
    case FailureCause::resolve:
      return "Correct the host in its url, or this machine's name servers";
    case FailureCause::refused:
      return "Correct the host and port in its url, or start the server there";
    case FailureCause::key_refused:
      return "Correct the key in its url, or see whether its plan is paid for and has this chain";
    default:
      return "";
  }
}

}  // namespace gantry::host
