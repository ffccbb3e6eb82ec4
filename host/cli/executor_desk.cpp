#include "host/cli/executor_desk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

constexpr std::uint32_t coin_decimals = 18;

Status choose_chain(ExecutorDesk& desk, const ExecutorOptions& options) {
  const auto& chains = desk.configuration.chains;
  const auto at = options.chain.empty()
                      ? chains.begin()
                      : std::ranges::find_if(chains, [&](const ChainSettings& chain) {
                          return chain.id == options.chain || chain.name == options.chain;
                        });
  if (at == chains.end()) {
    return fail(ErrorKind::usage,
                fmt::format("no [[chain]] of gantry.toml is `{}`", options.chain));
  }
  desk.chain = &*at;
  if (at->execution) desk.executor = at->execution->executor;
  if (options.executor.empty()) return {};
  const auto given = evm_address_of(options.executor, "--executor");
  if (!given) return std::unexpected(given.error());
  desk.executor = *given;
  return {};
}

Status check_wallet(const ExecutorDesk& desk, ExecutorAction action) {
  const WalletSettings& wallet = desk.configuration.wallet;
  if (wallet.sender.length == 0) {
    return fail(ErrorKind::configuration,
                "[wallet] has no sender: the executor's owner is not known");
  }
  if (action != ExecutorAction::status && wallet.owner.length != 0 &&
      !is_same(wallet.owner, wallet.sender)) {
    return fail(ErrorKind::configuration,
                "[wallet] has an owner besides the sender, which is then a smart account: an "
                "executor of its own cannot be managed here yet");
  }
  if (action == ExecutorAction::deploy) {
    if (desk.executor.length == 0) return {};
    return fail(ErrorKind::usage,
                fmt::format("[chain.execution] of {} names the executor {} already: take that line "
                            "out to deploy another",
                            desk.chain->id, shown(desk.executor)));
  }
  if (desk.executor.length != 0) return {};
  return fail(ErrorKind::configuration,
              fmt::format("[chain.execution] of {} names no executor: `gantry executor deploy` "
                          "makes one",
                          desk.chain->id));
}

}  // namespace

std::string_view to_string(ExecutorAction action) {
  switch (action) {
    case ExecutorAction::deploy:
      return "deploy";
    case ExecutorAction::fund:
      return "fund";
    case ExecutorAction::withdraw:
      return "withdraw";
    case ExecutorAction::status:
      return "status";
  }
  return "?";
}

bool is_same(const gantry_address& one, const gantry_address& other) {
  return address_text(one) == address_text(other);
}

std::string shown(const gantry_address& address) {
  return checksummed_address(sign::evm_address(address));
}

Result<gantry_address> evm_address_of(std::string_view text, std::string_view what) {
  const auto bytes = bytes_of_hex(text);
  if (!bytes || bytes->size() != 20) {
    return fail(ErrorKind::usage,
                fmt::format("{} `{}` is no address: 0x and 40 hexadecimal digits", what, text));
  }
  sign::EvmAddress address{};
  std::ranges::copy(*bytes, address.begin());
  // Digits of both cases carry a checksum (EIP-55).
  const bool mixed =
      std::ranges::any_of(text.substr(2), [](char c) { return c >= 'a' && c <= 'f'; }) &&
      std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
  if (mixed && checksummed_address(address) != text) {
    return fail(ErrorKind::usage, fmt::format("{} `{}` has a wrong digit: its checksum (EIP-55) is "
                                              "another",
                                              what, text));
  }
  return sign::to_gantry(address);
}

std::string coin_text(const u256& wei, const ChainSettings& chain) {
  return fmt::format("{} {}", decimal_text(wei, coin_decimals), chain.native_symbol);
}

std::string amount_text(const u256& amount, const TokenInfo& token) {
  return fmt::format("{} {}", decimal_text(amount, token.decimals), short_symbol(token.symbol));
}

Result<std::unique_ptr<ExecutorDesk>> open_desk(const Session& session,
                                                const ExecutorOptions& options,
                                                Configuration configuration,
                                                ExecutorAction action) {
  auto desk = std::make_unique<ExecutorDesk>();
  desk->configuration = std::move(configuration);
  if (!options.password_variable.empty()) {
    desk->configuration.wallet.password_variable = options.password_variable;
  }
  if (auto chosen = choose_chain(*desk, options); !chosen) {
    return std::unexpected(chosen.error());
  }
  if (auto checked = check_wallet(*desk, action); !checked) {
    return std::unexpected(checked.error());
  }
  auto http = make_curl_http_pool();
  if (!http) return std::unexpected(std::move(http.error()));
  desk->http = std::move(*http);
  ProviderOptions of_providers;
  of_providers.watch = false;
  of_providers.on_event = [](const ProviderEvent&) {};  // what fails is told by who asked
  auto providers = Providers::make(*desk->chain, {*desk->http, desk->clock, session.environment},
                                   std::move(of_providers));
  if (!providers) return std::unexpected(std::move(providers.error()));
  desk->providers = std::move(*providers);
  return desk;
}

}  // namespace gantry::host::cli
