// What sends trades on a chain, and what it is told of prices elsewhere: [[chain.price]],
// [chain.execution], [[chain.lender]], [[chain.relay]] and
// [chain.bundler].
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "host/config/sections.hpp"

namespace gantry::host {

std::string_view to_string(SendKind kind) {
  switch (kind) {
    case SendKind::transaction:
      return "transaction";
    case SendKind::bundle:
      return "bundle";
    case SendKind::operation:
      return "operation";
  }
  return "?";
}

std::string_view to_string(LenderKind kind) {
  switch (kind) {
    case LenderKind::aave_v3:
      return "aave_v3";
    case LenderKind::balancer_v2:
      return "balancer_v2";
    case LenderKind::balancer_v3:
      return "balancer_v3";
    case LenderKind::uniswap_v2:
      return "uniswap_v2";
    case LenderKind::uniswap_v3:
      return "uniswap_v3";
    case LenderKind::dydx_solo:
      return "dydx_solo";
  }
  return "?";
}

namespace config {
namespace {

constexpr std::array lender_kinds{LenderKind::aave_v3,     LenderKind::balancer_v2,
                                  LenderKind::balancer_v3, LenderKind::uniswap_v2,
                                  LenderKind::uniswap_v3,  LenderKind::dydx_solo};

constexpr std::size_t price_name_max = 31;  // of gantry_outside_price.source

bool is_same(const gantry_address& one, const gantry_address& other) {
  return one.length == other.length && std::memcmp(one.bytes, other.bytes, one.length) == 0;
}

// The member that is there, or the table it is missing from.
Place member_place(const TableReader& reader, std::string_view key) {
  const Member* member = reader.node().find(key);
  return member != nullptr ? member->value.place : reader.node().place;
}

// Where trades are sent: what is read on the way there could be traded against.
void read_private_url(TableReader& reader, const Field& field, TemplatedUrl& out,
                      const Environment& environment) {
  if (reader.node().find(field.key) == nullptr) {
    reader.fault(Severity::error, reader.node().place, field.key,
                 {"is missing", "its address, as \"https://...\"", {}});
  }
  reader.url(field, out, true, environment);
  // One that is a variable's whole is looked at when it is known.
  if (out.empty() || out.text().starts_with("${") || is_private_url(out.text())) return;
  reader.fault(Severity::error, member_place(reader, field.key), field.key,
               {"is neither https nor on this machine: what is sent there could be read on the way",
                "a URL that begins with https://, or with http://127.0.0.1",
                {}});
}

void read_sending(TableReader& chain, const Node& table, const ChainSettings& of,
                  ExecutionSettings& out) {
  TableReader reader(chain.loading(), chain.document(), table, chain.path() + ".execution");
  reader.address(
      {.key = "executor",
       .help = "the deployed executor contract (`gantry executor deploy`); none: nothing "
               "can be executed on this chain"},
      of.id, out.executor);
  reader.choice({.key = "send",
                 .help = "transaction: to the providers, for everybody to see; bundle: to "
                         "[[chain.relay]]s alone; operation: to [chain.bundler]"},
                std::array{SendKind::transaction, SendKind::bundle, SendKind::operation}, out.send);
  reader.number({.key = "max_priority_fee_gwei",
                 .help = "offered to whoever makes the block, per gas",
                 .unit = "gwei",
                 .min = 0,
                 .max = 1e6},
                out.max_priority_fee_gwei);
  reader.number({.key = "max_fee_gwei",
                 .help = "most that is paid per gas, all in all; while the chain asks for more, "
                         "nothing is sent",
                 .unit = "gwei",
                 .min = 0,
                 .max = 1e6},
                out.max_fee_gwei);
  reader.integer({.key = "blocks_max",
                  .help = "a trade that is not included so many blocks after it was planned is "
                          "taken back",
                  .unit = "blocks",
                  .min = 1,
                  .max = 1000},
                 out.blocks_max);
  reader.integer({.key = "confirm_blocks",
                  .help = "depth at which a result is final",
                  .unit = "blocks",
                  .min = 1,
                  .max = 10'000},
                 out.confirm_blocks);
  if (!of.id.empty() && !of.id.starts_with("eip155:")) {
    reader.fault(Severity::error, table.place, {},
                 {"is of a chain that has no such contract",
                  "[chain.execution] below a [[chain]] whose id begins with eip155:",
                  {}});
  } else if (out.executor.length == 0 && !reader.is_faulty("executor")) {
    reader.fault(
        Severity::warning, member_place(reader, "executor"), "executor",
        {"is missing: nothing can be executed on this chain",
         "executor = \"0x...\" in [chain.execution], as `gantry executor deploy` prints it",
         {}});
  }
  reader.integer({.key = "prepared_ttl_ms",
                  .help = "how long what was built for a trade is kept for the same one; 0: not",
                  .unit = "ms",
                  .min = 0,
                  .max = 60'000},
                 out.prepared_ttl_ms);
  reader.integer({.key = "prepared_max",
                  .help = "of how many trades it is kept; 0: of none",
                  .unit = "trades",
                  .min = 0,
                  .max = 100'000},
                 out.prepared_max);
  if (out.max_priority_fee_gwei > out.max_fee_gwei && !reader.is_faulty("max_priority_fee_gwei") &&
      !reader.is_faulty("max_fee_gwei")) {
    reader.fault(Severity::error, member_place(reader, "max_priority_fee_gwei"),
                 "max_priority_fee_gwei",
                 {fmt::format("is {}: it is above max_fee_gwei, which is {}",
                              out.max_priority_fee_gwei, out.max_fee_gwei),
                  fmt::format("at most {} gwei", out.max_fee_gwei),
                  {}});
  }
  if (out.send == SendKind::bundle && of.relays.empty()) {
    reader.fault(Severity::error, member_place(reader, "send"), "send",
                 {"is \"bundle\", but there is no relay to send it to",
                  "a [[chain.relay]] below this [[chain]], or send = \"transaction\"",
                  {}});
  }
  if (out.send == SendKind::operation && !of.bundler) {
    reader.fault(Severity::error, member_place(reader, "send"), "send",
                 {"is \"operation\", but there is no bundler to send it to",
                  "[chain.bundler] below this [[chain]], or send = \"transaction\"",
                  {}});
  }
  reader.refuse_unknown();
}

void read_lender(TableReader& chain, const Node& node, std::string_view id,
                 std::vector<LenderSettings>& out) {
  TableReader reader(chain.loading(), chain.document(), node,
                     fmt::format("{}.lender.{}", chain.path(), out.size() + 1));
  LenderSettings lender;
  for (const std::string_view key : {"source", "address"}) {
    if (node.find(key) != nullptr) continue;
    reader.fault(Severity::error, node.place, key,
                 {"is missing",
                  key == "source" ? "what lends, as source = \"aave_v3\""
                                  : "address = \"0x...\" of its pool, vault or pair",
                  {}});
  }
  reader.choice({.key = "source", .help = "what lends for one transaction"}, lender_kinds,
                lender.source);
  reader.address({.key = "address", .help = "its pool, vault or pair"}, id, lender.address);
  lender.enabled = lender.source != LenderKind::dydx_solo;
  reader.boolean({.key = "enabled", .help = "false: nothing is borrowed there"}, lender.enabled);
  const auto same = std::ranges::find_if(out, [&](const LenderSettings& other) {
    return other.source == lender.source && is_same(other.address, lender.address);
  });
  if (lender.address.length != 0 && same != out.end()) {
    reader.fault(Severity::error, member_place(reader, "address"), "address",
                 {"is there twice", "one [[chain.lender]] for each source and address", {}});
  }
  reader.refuse_unknown();
  out.push_back(lender);
}

void read_relay(TableReader& chain, const Node& node, const Environment& environment,
                std::vector<RelaySettings>& out) {
  TableReader reader(chain.loading(), chain.document(), node, chain.path() + ".relay");
  RelaySettings relay;
  const bool named = reader.name({.key = "name", .help = "what logs call it"}, relay.name);
  if (named) reader.set_path(fmt::format("{}.relay.{}", chain.path(), relay.name));
  if (named && std::ranges::find(out, relay.name, &RelaySettings::name) != out.end()) {
    reader.fault(Severity::error, node.find("name")->value.place, "name",
                 {"is there twice", "another name for each relay of a chain", {}});
  }
  read_private_url(reader, {.key = "url", .help = "where bundles go; keys as ${NAME}"}, relay.url,
                   environment);
  reader.refuse_unknown();
  if (named) out.push_back(std::move(relay));
}

void read_price(TableReader& chain, const Node& node, std::string_view id,
                const Environment& environment, std::vector<PriceSettings>& out) {
  TableReader reader(chain.loading(), chain.document(), node, chain.path() + ".price");
  PriceSettings price;
  const auto refuse = [&](const char* key, const char* what, const char* wanted) {
    reader.fault(Severity::error, member_place(reader, key), key, {what, wanted, {}});
  };
  const bool named =
      reader.name({.key = "name", .help = "what strategies are told as its source"}, price.name);
  if (named) reader.set_path(fmt::format("{}.price.{}", chain.path(), price.name));
  if (named && std::ranges::find(out, price.name, &PriceSettings::name) != out.end()) {
    refuse("name", "is there twice", "another name for each price of a chain");
  }
  if (price.name.size() > price_name_max) {
    refuse("name", "is too long", "at most 31 characters");
  }
  for (const std::string_view key : {"token", "quote", "bid", "ask"}) {
    if (node.find(key) != nullptr) continue;
    reader.fault(Severity::error, node.place, key,
                 {"is missing",
                  key == "token" || key == "quote"
                      ? "token and quote as addresses: one whole token in whole quote tokens"
                      : "where it is in the answer, as bid = \"/bidPrice\"",
                  {}});
  }
  reader.address({.key = "token", .help = "what is priced"}, id, price.token);
  reader.address({.key = "quote", .help = "in what"}, id, price.quote);
  if (price.token.length != 0 && is_same(price.token, price.quote)) {
    refuse("quote", "is the token itself", "another token");
  }
  read_private_url(reader, {.key = "url", .help = "what is asked; keys as ${NAME}"}, price.url,
                   environment);
  reader.text({.key = "bid", .help = "where the bid is in the answer: a JSON pointer"}, price.bid);
  reader.text({.key = "ask", .help = "where the ask is in the answer: a JSON pointer"}, price.ask);
  for (const auto& [key, pointer] : {std::pair("bid", &price.bid), std::pair("ask", &price.ask)}) {
    if (node.find(key) != nullptr && !pointer->starts_with('/')) {
      refuse(key, "is no JSON pointer", "one that begins with '/', as \"/bidPrice\"");
    }
  }
  reader.integer({.key = "every_ms",
                  .help = "how often it is asked, and how long an answer may take",
                  .unit = "ms",
                  .min = 50,
                  .max = 60'000},
                 price.every_ms);
  reader.refuse_unknown();
  if (named) out.push_back(std::move(price));
}

}  // namespace

void read_execution(TableReader& chain, const Environment& environment, ChainSettings& out) {
  const Node& sending = chain.table("execution");
  for (const Node* lender : chain.tables("lender")) {
    read_lender(chain, *lender, out.id, out.lenders);
  }
  for (const Node* relay : chain.tables("relay")) {
    read_relay(chain, *relay, environment, out.relays);
  }
  for (const Node* price : chain.tables("price")) {
    read_price(chain, *price, out.id, environment, out.prices);
  }
  const Node& none = chain.loading().no_table;
  if (const Node& bundler = chain.table("bundler"); &bundler != &none) {
    TableReader reader(chain.loading(), chain.document(), bundler, chain.path() + ".bundler");
    out.bundler.emplace();
    reader.text({.key = "name", .help = "what logs call it"}, out.bundler->name);
    read_private_url(reader, {.key = "url", .help = "where user operations go; keys as ${NAME}"},
                     out.bundler->url, environment);
    reader.refuse_unknown();
  }
  if (&sending == &none) return;
  out.execution.emplace();
  read_sending(chain, sending, out, *out.execution);
}

}  // namespace config
}  // namespace gantry::host
