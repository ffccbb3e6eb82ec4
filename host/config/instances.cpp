// Named instances of plugins: [[dex]], [strategies.NAME], [[paymaster]]. A key that is not the
// host's is the plugin's, and is checked against its manifest.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/config/capabilities.hpp"
#include "host/config/sections.hpp"

namespace gantry::host::config {
namespace {

constexpr std::int64_t priority_max = 1'000'000;

std::vector<std::string> names_of(const std::vector<PluginFile>& plugins, PluginKind kind) {
  std::vector<std::string> names;
  for (const PluginFile& file : plugins) {
    if (file.manifest.kind == kind) names.push_back(file.manifest.name);
  }
  return names;
}

// One instance: its table, what the host makes of it, and what it is checked against.
class Instance {
 public:
  Instance(TableReader& reader, PluginKind kind, const Surroundings& around, InstanceSettings& out)
      : reader_(reader), kind_(kind), around_(around), out_(out) {}

  // Before the kind's own keys.
  void read_common() {
    reader_.boolean({.key = "enabled", .help = "false: not loaded, nothing of it runs"},
                    out_.enabled);
    out_.plugin = out_.name;
    reader_.text({.key = "plugin",
                  .help = "name or id of the library that it is an instance of; @ and a version "
                          "choose one of several"},
                 out_.plugin);
    if (!around_.chains.empty()) out_.chain = around_.chains.front().id;
    reader_.text({.key = "chain", .help = "the chain it works on; by default the first"},
                 out_.chain);
    read_isolation();
    reader_.words(
        {.key = "capabilities",
         .help = kind_ == PluginKind::paymaster
                     ? "hosts that its requests may go to; by default those of its own parameters"
                     : "what it may do beyond answering; by default nothing"},
        kind_ == PluginKind::paymaster  ? "[\"http:api.pimlico.io\"]"
        : kind_ == PluginKind::strategy ? "[\"calls\"]"
                                        : "[]",
        [this](std::string_view text) { return not_a_capability(text, kind_); }, out_.capabilities);
  }

  // After the kind's own keys: finds the library and gives it all that is left.
  void bind() {
    check_chain();
    find_plugin();
    if (!out_.installed) return;
    const Manifest& manifest = around_.plugins[*out_.installed].manifest;
    std::vector<std::string> declared;
    for (const ParameterSchema& schema : manifest.parameters) {
      declared.push_back(schema.name);
      read_parameter(schema);
    }
    reader_.refuse_unknown(declared);
  }

 private:
  void read_isolation() {
    reader_.choice({.key = "isolation",
                    .help = "process: it runs in a sandboxed process of its own, which may crash "
                            "or hang; inproc: in the host's"},
                   std::array{Isolation::inproc, Isolation::process}, out_.isolation);
    if (kind_ == PluginKind::strategy) {
      reader_.integer({.key = "call_timeout_ms",
                       .help = "in a process of its own: one call that takes longer ends it",
                       .unit = "ms",
                       .min = 10,
                       .max = 600'000},
                      out_.call_timeout_ms);
    } else if (out_.isolation == Isolation::process) {
      reader_.fault(if_enabled(Severity::error), place_of("isolation"), "isolation",
                    {fmt::format("cannot be \"process\" for a {}: only strategies can run in a "
                                 "process of their own in this version",
                                 to_string(kind_)),
                     "\"inproc\"",
                     {}});
    }
  }

  Place place_of(std::string_view key) const {
    const Member* member = reader_.node().find(key);
    return member != nullptr ? member->value.place : reader_.node().place;
  }
  // What is wrong with a disabled instance does not keep the host from starting.
  Severity if_enabled(Severity severity) const { return out_.enabled ? severity : Severity::note; }

  void check_chain() {
    if (around_.chains.empty() || reader_.is_faulty("chain")) return;
    std::vector<std::string> ids;
    for (const ChainSettings& chain : around_.chains) ids.push_back(chain.id);
    if (std::ranges::find(ids, out_.chain) != ids.end()) return;
    const std::string near = nearest(out_.chain, ids);
    reader_.fault(
        if_enabled(Severity::error), place_of("chain"), "chain",
        {fmt::format("is {}, and gantry.toml has no such [[chain]]", in_quotes(out_.chain)),
         fmt::format("one of \"{}\"", fmt::join(ids, "\", \"")),
         near.empty() ? near : fmt::format("\"{}\"", near)});
  }

  void find_plugin() {
    if (reader_.is_faulty("plugin")) return;
    const PluginFile* other_kind = nullptr;
    for (std::size_t i = 0; i < around_.plugins.size(); ++i) {
      const PluginFile& file = around_.plugins[i];
      if (!is_meant(file.manifest)) continue;
      if (file.manifest.kind != kind_) {
        other_kind = &file;
      } else if (!out_.installed) {
        out_.installed = i;
      } else {
        const PluginFile& first = around_.plugins[*out_.installed];
        reader_.fault(if_enabled(Severity::warning), place_of("plugin"), {},
                      {fmt::format("has two libraries: {} {} at {} is used, {} {} at {} is not",
                                   first.manifest.id, first.manifest.version, first.path.string(),
                                   file.manifest.id, file.manifest.version, file.path.string()),
                       "one library of that name, or its full id, with @ and a version where "
                       "several are installed, as plugin = \"...\"",
                       {}});
      }
    }
    if (out_.installed) return;
    if (other_kind != nullptr) {
      reader_.fault(Severity::error, place_of("plugin"), {},
                    {fmt::format("cannot be an instance of {}: that is a {}, not a {}",
                                 in_quotes(out_.plugin), to_string(other_kind->manifest.kind),
                                 to_string(kind_)),
                     fmt::format("a plugin of the kind {}", to_string(kind_)),
                     {}});
      return;
    }
    report_not_installed();
  }

  // name, id, or either with a version: "org.gantry.triangular@0.2.0".
  bool is_meant(const Manifest& manifest) const {
    const std::string_view wanted = out_.plugin;
    const std::size_t at = wanted.find('@');
    const std::string_view who = wanted.substr(0, at);
    return (who == manifest.name || who == manifest.id) &&
           (at == std::string_view::npos || wanted.substr(at + 1) == manifest.version);
  }

  void report_not_installed() {
    if (!around_.plugins_known) return;
    std::vector<std::string> own_keys;
    for (const Member* member : reader_.not_taken()) {
      const std::string key = in_quotes(member->key);
      own_keys.push_back(key.substr(1, key.size() - 2));
      if (const std::string near = nearest(member->key, reader_.known()); !near.empty()) {
        reader_.fault(if_enabled(Severity::warning), member->key_place, own_keys.back(),
                      {"may be misspelled; it is no key of the host's, and the plugin that could "
                       "own it is not installed",
                       {},
                       near});
      }
    }
    const std::string unchecked =
        own_keys.empty()
            ? std::string()
            : fmt::format("; its own keys could not be checked: {}", fmt::join(own_keys, ", "));
    reader_.fault(if_enabled(Severity::warning), place_of("plugin"), {},
                  {fmt::format("is named but not installed: no {} {} in the plugin folders{}",
                               to_string(kind_), in_quotes(out_.plugin), unchecked),
                   out_.enabled ? "install its library, or set enabled = false"
                                : "it is disabled, so nothing is missing",
                   nearest(out_.plugin, names_of(around_.plugins, kind_))});
  }

  void read_parameter(const ParameterSchema& schema) {
    const bool checked_before = reader_.is_faulty(schema.name);
    const Member* member = reader_.take(schema.name);
    std::optional<ParameterValue> value = schema.default_value;
    if (!value) value = ParameterValue(std::string());
    if (member == nullptr && schema.required) {
      reader_.fault(if_enabled(Severity::error), reader_.node().place, schema.name,
                    {fmt::format("is missing: the plugin {} needs it", out_.plugin),
                     expectation(schema),
                     {}});
    } else if (member != nullptr && !checked_before) {
      auto converted = convert(member->value, schema);
      if (!converted) {
        reader_.fault(Severity::error, member->value.place, schema.name, converted.error());
      } else {
        value = std::move(*converted);
      }
    }
    if (!reader_.is_faulty(schema.name)) warn_of_variables(member, schema, *value);
    // A secret's template is shown, and nothing else of it can be here.
    const bool is_text = std::holds_alternative<std::string>(*value);
    const bool unset = schema.required && member == nullptr;
    reader_.record(schema.name,
                   unset     ? "not set"
                   : is_text ? fmt::format("\"{}\"", mask_keys(std::get<std::string>(*value)))
                             : to_string(*value),
                   schema.unit, schema.help, member, true);
    out_.parameters.push_back(
        {schema.name, schema.type, std::move(*value), member != nullptr && !checked_before});
  }

  // A variable of the plugin's own default is only noted: the operator has not asked for it.
  void warn_of_variables(const Member* member, const ParameterSchema& schema,
                         const ParameterValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || !out_.enabled) return;
    const auto parsed = TemplatedText::parse(*text);
    if (!parsed) return;  // a default that is no template
    for (const std::string& variable : parsed->variables()) {
      if (variable == chain_variable) continue;
      const auto set = around_.environment(variable);
      if (set && !set->empty()) continue;
      reader_.fault(member != nullptr ? Severity::warning : Severity::note, place_of(schema.name),
                    schema.name,
                    {fmt::format("needs the environment variable {}, which is not set", variable),
                     fmt::format("set {} before the start", variable),
                     {},
                     variable});
    }
  }

  TableReader& reader_;
  PluginKind kind_;
  const Surroundings& around_;
  InstanceSettings& out_;
};

// "is there twice" for a name that an earlier [[dex]] or [[paymaster]] has.
template <class Settings>
void refuse_second(TableReader& reader, const std::vector<Settings>& earlier,
                   const std::string& name, std::uint32_t first_line) {
  if (std::ranges::find(earlier, name, &Settings::name) == earlier.end()) return;
  reader.fault(Severity::error, reader.node().find("name")->value.place, "name",
               {fmt::format("is there twice, first in line {}", first_line),
                "another name for each; plugin = \"...\" lets several use one library",
                {}});
}

std::uint32_t first_line_of(const std::vector<const Node*>& tables, std::string_view name) {
  for (const Node* table : tables) {
    const Member* member = table->find("name");
    if (member != nullptr && member->value.text == name) return member->value.place.at.line;
  }
  return 0;
}

// "name(type,type)", as a contract's own interface has it.
bool is_signature(std::string_view text) {
  const auto is_word = [](std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
  };
  const std::size_t open = text.find('(');
  if (open == text.npos || !text.ends_with(')') || !is_word(text.substr(0, open))) return false;
  std::string_view types = text.substr(open + 1, text.size() - open - 2);
  if (types.empty()) return true;
  while (true) {
    const std::size_t comma = types.find(',');
    if (!is_word(types.substr(0, comma))) return false;
    if (comma == types.npos) return true;
    types.remove_prefix(comma + 1);
  }
}

void read_callback(TableReader& reader, std::string& out) {
  reader.text({.key = "callback",
               .help = "what pools call back for their input, with its types; of pools that do"},
              out);
  if (is_signature(out)) return;
  reader.fault(Severity::error, reader.node().find("callback")->value.place, "callback",
               {fmt::format("is {}, and no function with its types", in_quotes(out)),
                "as \"pancakeV3SwapCallback(int256,int256,bytes)\"",
                {}});
}

void read_pool(TableReader& dex, const Node& node, const std::string& chain,
               std::vector<ListedPool>& out) {
  TableReader reader(dex.loading(), dex.document(), node,
                     fmt::format("{}.pool.{}", dex.path(), out.size()));
  ListedPool pool;
  for (const std::string_view key : {"address", "tokens"}) {
    if (node.find(key) == nullptr) {
      reader.fault(
          Severity::error, node.place, key,
          {"is missing", "the pool's address, and those of its tokens in its own order", {}});
    }
  }
  reader.address({.key = "address", .help = "the pool's contract"}, chain, pool.address);
  reader.addresses({.key = "tokens", .help = "its tokens, in the contract's order"}, chain,
                   pool.tokens);
  reader.text({.key = "metadata", .help = "what the plugin wants to know besides"}, pool.metadata);
  if (pool.tokens.size() == 1 && !reader.is_faulty("tokens")) {
    reader.fault(Severity::error, node.find("tokens")->value.place, "tokens",
                 {"names one token", "two or more", {}});
  }
  reader.refuse_unknown();
  if (pool.address.kind != GANTRY_ADDRESS_NONE) out.push_back(std::move(pool));
}

}  // namespace

void read_dexes(TableReader& root, const Surroundings& around, std::vector<DexSettings>& out) {
  const auto tables = root.tables("dex");
  for (const Node* node : tables) {
    TableReader reader(root.loading(), root.document(), *node, "dex");
    DexSettings dex;
    const bool named = reader.name({.key = "name", .help = {}}, dex.name);
    if (named) {
      reader.set_path("dex." + dex.name);
      refuse_second(reader, out, dex.name, first_line_of(tables, dex.name));
    }
    Instance instance(reader, PluginKind::dex, around, dex);
    instance.read_common();
    reader.integer({.key = "priority",
                    .help = "higher is asked first",
                    .unit = {},
                    .min = 0,
                    .max = static_cast<double>(priority_max)},
                   dex.priority);
    reader.number({.key = "min_liquidity_usd",
                   .help = "pools that hold less are left out",
                   .unit = "USD",
                   .min = 0,
                   .max = 1e15},
                  dex.min_liquidity_usd);
    reader.integer({.key = "max_slippage_bps",
                    .help = "minimum out is the quote less this; nothing is, where a call names "
                            "its exact output as a V2 pair's does",
                    .unit = "bps",
                    .min = 0,
                    .max = 10000},
                   dex.max_slippage_bps);
    reader.integer({.key = "fee_bps",
                    .help = "what a pool keeps, where its state does not say",
                    .unit = "bps",
                    .min = 0,
                    .max = 9999},
                   dex.fee_bps);
    reader.boolean({.key = "discover",
                    .help = "live: the plugin looks for pools, where it can; false: those of "
                            "[[dex.pool]] alone"},
                   dex.discover);
    read_callback(reader, dex.callback);
    for (const Node* pool : reader.tables("pool")) read_pool(reader, *pool, dex.chain, dex.pools);
    if (!named) continue;
    instance.bind();
    out.push_back(std::move(dex));
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &DexSettings::priority);
}

void read_strategies(TableReader& root, const Surroundings& around,
                     std::vector<StrategySettings>& out) {
  const Node& strategies = root.table("strategies");
  for (const Member& member : strategies.members) {
    TableReader parent(root.loading(), root.document(), strategies, "strategies");
    if (member.value.kind != Node::Kind::table) {
      parent.fault(Severity::error, member.key_place, member.key,
                   {fmt::format("is {}, and not a strategy", describe(member.value)),
                    "a header for each strategy, as [strategies.triangular]",
                    {}});
      continue;
    }
    // The name of a table is checked like any other name.
    Node named;
    named.members.push_back({.key = "name", .key_place = member.key_place, .value = {}});
    named.members.back().value.kind = Node::Kind::text;
    named.members.back().value.text = member.key;
    named.members.back().value.place = member.key_place;
    TableReader name_reader(root.loading(), root.document(), named, "strategies");
    StrategySettings strategy;
    if (!name_reader.name({.key = "name", .help = {}}, strategy.name)) continue;

    TableReader reader(root.loading(), root.document(), member.value,
                       "strategies." + strategy.name);
    Instance instance(reader, PluginKind::strategy, around, strategy);
    instance.read_common();
    reader.integer({.key = "min_profit_bps",
                    .help = "opportunities that promise less are dropped",
                    .unit = "bps",
                    .min = 0,
                    .max = 1'000'000},
                   strategy.min_profit_bps);
    reader.integer({.key = "deadline_ms",
                    .help = "at live pace, on one snapshot; by default strategy_deadline_ms",
                    .unit = "ms",
                    .min = 1,
                    .max = 600'000},
                   strategy.deadline_ms);
    instance.bind();
    out.push_back(std::move(strategy));
  }

  TableReader priorities(root.loading(), root.document(), root.table("strategy_priorities"),
                         "strategy_priorities");
  for (StrategySettings& strategy : out) {
    priorities.integer({.key = strategy.name,
                        .help = "higher is asked first",
                        .unit = {},
                        .min = 0,
                        .max = static_cast<double>(priority_max)},
                       strategy.priority);
  }
  std::vector<std::string> names;
  for (const StrategySettings& strategy : out) names.push_back(strategy.name);
  for (const Member* member : priorities.not_taken()) {
    if (strategies.find(member->key) != nullptr) continue;  // its own fault was told above
    priorities.fault(Severity::error, member->key_place, in_quotes(member->key),
                     {"names a strategy that is not there",
                      names.empty() ? std::string("[strategies.NAME] for each strategy")
                                    : fmt::format("one of {}", fmt::join(names, ", ")),
                      nearest(member->key, names)});
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &StrategySettings::priority);
}

void read_paymasters(TableReader& root, const Surroundings& around,
                     std::vector<PaymasterSettings>& out) {
  const auto tables = root.tables("paymaster");
  for (const Node* node : tables) {
    TableReader reader(root.loading(), root.document(), *node, "paymaster");
    PaymasterSettings paymaster;
    paymaster.priority = 1;
    const bool named = reader.name({.key = "name", .help = {}}, paymaster.name);
    if (named) {
      reader.set_path("paymaster." + paymaster.name);
      refuse_second(reader, out, paymaster.name, first_line_of(tables, paymaster.name));
    }
    Instance instance(reader, PluginKind::paymaster, around, paymaster);
    instance.read_common();
    reader.integer(
        {.key = "priority", .help = "1 is asked first", .unit = {}, .min = 1, .max = 1000},
        paymaster.priority);
    if (!named) continue;
    instance.bind();
    out.push_back(std::move(paymaster));
  }
  std::ranges::stable_sort(out, {}, &PaymasterSettings::priority);
}

}  // namespace gantry::host::config
