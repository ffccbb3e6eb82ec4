// gantry executor status
#include <fmt/format.h>

#include <boost/json.hpp>

#include "host/base/text.hpp"
#include "host/cli/executor_desk.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

struct ExecutorState {
  std::uint64_t block = 0;
  gantry_address owner{};
  deploy::CodeFound code = deploy::CodeFound::none;
  u256 coin;
  std::vector<deploy::Held> watched;
};

Result<ExecutorState> read_state(deploy::ChainReads& reads, const ExecutorDesk& desk) {
  if (auto begun = reads.begin(); !begun) return std::unexpected(begun.error());
  ExecutorState out{.block = reads.head().number};
  const auto owner = deploy::owner_of(reads, desk.executor);
  if (!owner) return std::unexpected(owner.error());
  const auto code = deploy::executor_code_at(reads, desk.executor, *owner);
  if (!code) return std::unexpected(code.error());
  const auto coin = reads.balance(desk.executor);
  if (!coin) return std::unexpected(coin.error());
  auto watched = deploy::watched_by(reads, desk.executor);
  if (!watched) return std::unexpected(watched.error());
  out.owner = *owner;
  out.code = *code;
  out.coin = *coin;
  out.watched = std::move(*watched);
  return out;
}

std::string state_text(const ExecutorState& state, const ExecutorDesk& desk, const Style& style) {
  const bool own = is_same(state.owner, desk.sender());
  const bool matches = state.code == deploy::CodeFound::matches;
  std::string out = fmt::format(
      "executor {} on {} ({}), block {}\nowner  {}{}\ncode   {}\n{:24} {}\n", shown(desk.executor),
      printable(desk.chain->name), desk.chain->id, state.block, shown(state.owner),
      own ? style(Ink::good, "  the sender of [wallet]")
          : style(Ink::bad, "  not the sender of [wallet]: nothing can be executed with it"),
      matches ? style(Ink::good, "as this program deploys it")
              : style(Ink::bad, "another than this program deploys"),
      "coin", coin_text(state.coin, *desk.chain));
  for (const deploy::Held& held : state.watched) {
    out += fmt::format(
        "{}  {}\n", shown(held.token.address),
        held.amount ? amount_text(*held.amount, held.token) : style(Ink::bad, "does not say"));
  }
  return out;
}

std::string state_json(const ExecutorState& state, const ExecutorDesk& desk) {
  json::array tokens;
  for (const deploy::Held& held : state.watched) {
    tokens.push_back(json::object{
        {"address", shown(held.token.address)},
        {"symbol", short_symbol(held.token.symbol)},
        {"units", held.amount ? json::value(to_string(*held.amount)) : json::value()},
        {"amount", held.amount ? json::value(decimal_text(*held.amount, held.token.decimals))
                               : json::value()}});
  }
  return json_text(json::object{{"chain", desk.chain->id},
                                {"block", state.block},
                                {"executor", shown(desk.executor)},
                                {"owner", shown(state.owner)},
                                {"owner_is_sender", is_same(state.owner, desk.sender())},
                                {"code", to_string(state.code)},
                                {"coin_wei", to_string(state.coin)},
                                {"tokens", std::move(tokens)}});
}

}  // namespace

ExitCode show_executor(const Session& session, const ExecutorOptions& options) {
  auto loaded = load(session, options.as_json);
  if (!loaded) return ExitCode::usage;
  const auto desk =
      open_desk(session, options, std::move(loaded->configuration), ExecutorAction::status);
  if (!desk) return report_error(desk.error());
  deploy::ChainReads reads(*(*desk)->providers);
  const auto state = read_state(reads, **desk);
  if (!state) return report_error(state.error());
  print(options.as_json ? state_json(*state, **desk)
                        : state_text(*state, **desk, Style(session.colour_out)));
  const bool fine =
      state->code == deploy::CodeFound::matches && is_same(state->owner, (*desk)->sender());
  return fine ? ExitCode::done : ExitCode::found;
}

}  // namespace gantry::host::cli
