// A real node behind a server that fails (support/rpc_server.hpp): what it is asked is handed on,
// and what a node that is behind would not know is left out.
//
// OWNERSHIP  Keeps the chain's address alone; the chain outlives it.
// THREADS    Any.
// ERRORS     Throws boost::system::system_error.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "support/anvil.hpp"
#include "support/rpc_server.hpp"

namespace gantry::test {

class AnvilNode final : public RpcNode {
 public:
  explicit AnvilNode(const Anvil& chain);

  boost::json::array answer(const boost::json::array& calls, const Manner& manner) override;
  // The result of one call of a test's own; null where the node has an error instead.
  boost::json::value ask(const std::string& method, boost::json::array params) const;

 private:
  boost::json::value post(const boost::json::value& body) const;
  std::optional<std::uint64_t> number_of(const boost::json::value& hash) const;
  std::optional<boost::json::object> refusal(boost::json::object& call, std::uint64_t head,
                                             const Manner& manner) const;

  std::string port_;
};

}  // namespace gantry::test
