// ERC-4337 on a test chain: EntryPoint 0.6, 0.7 and 0.8 where they are on every chain, the
// factories of SimpleAccount, the bundler alto, and the paymaster's server that its authors publish
// for tests.
//
// OWNERSHIP  Each server is a process that ends with its object, by its id. The chain outlives
// them. THREADS    One at a time; post_json() any. ERRORS     Throws std::runtime_error.
#pragma once
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "evm/deployer.hpp"
#include "host/sign/user_operation.hpp"
#include "support/anvil.hpp"
#include "support/child_server.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {

using host::sign::EntryPointVersion;

inline constexpr EntryPointVersion all_entry_points[] = {
    EntryPointVersion::v0_6, EntryPointVersion::v0_7, EntryPointVersion::v0_8};

// A POST to a server on loopback, and its answer's body.
std::string post_json(const std::string& url, const std::string& body);

// Where `npm ci` put the packages of tests/evm/sponsored. Throws with the command to run.
std::filesystem::path sponsored_package_file(std::string_view path_in_node_modules);
boost::json::object account_abstraction_artifact(EntryPointVersion version,
                                                 std::string_view contract);

// A chain with the EntryPoints, that mines each transaction at once, as the servers want it.
class EntryPointChain {
 public:
  EntryPointChain();

  Anvil& anvil() { return anvil_; }
  Deployer& deployer() { return deployer_; }
  host::sign::EntryPoint entry_point(EntryPointVersion version) const;
  // Of SimpleAccount, deployed when it is first asked for.
  const std::string& factory(EntryPointVersion version);
  // Calldata for the factory, and the address of the account that it makes.
  std::string create_account_data(const std::string& owner);
  std::string account_of(EntryPointVersion version, const std::string& owner);

 private:
  Anvil anvil_;
  Deployer deployer_;
  std::map<EntryPointVersion, std::string> factories_;
};

// "0x..." of that EntryPoint.
std::string entry_point_text(EntryPointVersion version);

class AltoNode {
 public:
  enum class Bundles {
    at_once,
    never,  // it takes operations, and keeps them
  };
  explicit AltoNode(EntryPointChain& chain, Bundles bundles = Bundles::at_once);

  // Its second version of the API, which also checks fees and preVerificationGas.
  std::string url() const { return server_.url() + "/v2/rpc"; }
  ChildServer& server() { return server_; }

 private:
  TemporaryFolder folder_;
  ChildServer server_;
};

// Speaks pm_sponsorUserOperation and ERC-7677; its contract has a deposit at each EntryPoint.
class PaymasterServer {
 public:
  PaymasterServer(EntryPointChain& chain, const AltoNode& alto);

  const std::string& url() const { return server_.url(); }
  ChildServer& server() { return server_; }

 private:
  TemporaryFolder folder_;
  ChildServer server_;
};

}  // namespace gantry::test
