#include "host/ports/certificate.hpp"

#include <fmt/format.h>

namespace gantry::host {

namespace {

// As the manual page of `openssl verify` numbers them.
constexpr long verified = 0;
constexpr long not_yet_valid = 9;
constexpr long expired = 10;
constexpr long self_signed = 18;
constexpr long self_signed_in_chain = 19;
constexpr long other_host = 62;
constexpr long other_address = 64;

}  // namespace

std::string certificate_fault(long verdict) {
  switch (verdict) {
    case self_signed:
    case self_signed_in_chain:
      return "its certificate is self-signed";
    case not_yet_valid:
    case expired:
      return "its certificate is not of this date: look at this machine's clock too";
    case verified:
    case other_host:
    case other_address:
      return "its certificate is of another host";
    default:
      return fmt::format("nobody whom this machine trusts vouches for its certificate (verdict {})",
                         verdict);
  }
}

}  // namespace gantry::host
