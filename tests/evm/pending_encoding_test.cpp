// Calls of Curve and Balancer that wait, as viem encodes them: what the plugins read of each is
// what was ordered, or nothing.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "evm/abi_words.hpp"
#include "evm/integer_words.hpp"
#include "evm/node_output.hpp"
#include "evm/pending_scene.hpp"
#include "host/config/load.hpp"
#include "host/live/chain_text.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/plugin/instances.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

// The addresses of encode_pending.mjs.
std::string one_of_these(unsigned number) { return fmt::format("0x{:040x}", 0x1000 + number); }
const std::string coin = "0x" + std::string(40, 'e');

class Readers {
 public:
  // `curve` and `balancer`: lines of their own in dex_config.toml.
  explicit Readers(const std::string& curve, const std::string& balancer) {
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream(folder_ / name) << text;
    };
    write("gantry.toml",
          "[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\n[plugins]\nfolders = "
          "[\"" GANTRY_PLUGINS "\"]\n");
    write("dex_config.toml",
          "[[dex]]\nname = \"curve\"\n" + curve + "[[dex]]\nname = \"balancer\"\n" + balancer);
    write("strategies.toml", "");
    auto loaded = host::load_configuration(
        host::ConfigFiles::in_folder(folder_.path()),
        host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGINS)}).plugins,
        host::process_environment());
    if (!loaded) throw std::runtime_error(host::render_text(loaded.error(), false));
    plugins_ = host::make_plugins(*loaded, folder_ / "store");
  }
  std::string refused() const {
    return plugins_.refused.empty() ? std::string() : plugins_.refused.front().reason;
  }
  bool reads(const std::string& venue, const std::string& router) const {
    for (const auto& one : host::pending_routers(venue_of(venue), 0)) {
      if (to_hex({one.bytes, one.length}) == router) return true;
    }
    return false;
  }
  // Nothing that counts where it answers anything but GANTRY_OK.
  std::vector<OrderedSwap> read(const std::string& venue, const std::string& to,
                                const std::vector<std::uint8_t>& input,
                                const Integer& value) const {
    std::vector<OrderedSwap> swaps;
    const gantry_pending_sink sink{
        &swaps, [](void* self, const gantry_pending_swap* swap) -> gantry_status {
          OrderedSwap ordered{swap->mode == GANTRY_EXACT_IN,
                              (swap->flags & GANTRY_PENDING_MAY_STOP) != 0,
                              to_integer(swap->amount_in),
                              to_integer(swap->amount_out),
                              swap->deadline_s,
                              {}};
          const auto digits = [](const gantry_address& address) {
            return to_hex({address.bytes, address.length});
          };
          for (std::uint32_t i = 0; i < swap->hop_count; ++i) {
            const gantry_pending_hop& hop = swap->hops[i];
            ordered.hops.push_back({digits(hop.pool), digits(hop.token_in), digits(hop.token_out)});
          }
          static_cast<std::vector<OrderedSwap>*>(self)->push_back(std::move(ordered));
          return GANTRY_OK;
        }};
    gantry_pending_transaction transaction{};
    transaction.to = *host::evm_address_of(json::value(to));
    transaction.value = to_amount(value);
    transaction.input = {input.data(), input.size()};
    const host::VenueInstance& reader = venue_of(venue);
    const auto status = reader.pending->decode(reader.object(), &transaction, &sink);
    if (status != GANTRY_OK) swaps.clear();
    return swaps;
  }

 private:
  const host::VenueInstance& venue_of(const std::string& name) const {
    for (const auto& one : plugins_.venues) {
      if (one->name() == name && one->pending != nullptr) return *one;
    }
    throw std::runtime_error("no venue " + name + " that reads what waits");
  }

  TemporaryFolder folder_;
  host::Plugins plugins_;
};

const std::string of_curve = "pending_routers = \"" + one_of_these(1) + "\"\npending_pools = \"" +
                             one_of_these(2) + ":" + one_of_these(10) + ":" + one_of_these(11) +
                             ":" + one_of_these(12) + " " + one_of_these(3) + ":" + coin + ":" +
                             one_of_these(13) + "\"\n";
const std::string of_balancer = "pending_routers = \"" + one_of_these(4) + " " + one_of_these(5) +
                                "\"\nwrapped_native = \"" + one_of_these(6) + "\"\n";

struct Made {
  std::string what;
  std::string to;
  Integer value;
  std::vector<std::uint8_t> data;
  std::vector<OrderedSwap> swaps;
};

std::vector<Made> encoded(unsigned count, unsigned seed) {
  std::istringstream lines(node_output("encode_pending.mjs", fmt::format("{} {}", count, seed)));
  std::vector<Made> all;
  const auto number = [](const json::value& text) { return Integer(text_of(text)); };
  for (std::string line; std::getline(lines, line);) {
    const json::value told = json::parse(line);
    Made made{text_of(told.at("what")),
              text_of(told.at("to")),
              number(told.at("value")),
              to_bytes(text_of(told.at("data"))),
              {}};
    for (const json::value& swap : told.at("swaps").as_array()) {
      OrderedSwap& ordered = made.swaps.emplace_back();
      ordered.exact_in = swap.at("exact_in").as_bool();
      ordered.amount_in = number(swap.at("amount_in"));
      ordered.amount_out = number(swap.at("amount_out"));
      ordered.deadline_s = number(swap.at("deadline"));
      for (const json::value& hop : swap.at("hops").as_array()) {
        ordered.hops.push_back({text_of(hop.at(0)), text_of(hop.at(1)), text_of(hop.at(2))});
      }
    }
    all.push_back(std::move(made));
  }
  return all;
}

bool is_of_curve(const Made& made) { return made.what == "pool" || made.what == "route"; }

}  // namespace

TEST_CASE("what viem encodes for Curve and Balancer is read as it was ordered") {
  const Readers readers(of_curve, of_balancer);
  REQUIRE(readers.refused() == "");
  for (const unsigned number : {1U, 2U, 3U}) CHECK(readers.reads("curve", one_of_these(number)));
  for (const unsigned number : {4U, 5U}) CHECK(readers.reads("balancer", one_of_these(number)));
  const auto all = encoded(3000, 1);
  REQUIRE(all.size() == 3000);
  for (const Made& made : all) {
    CAPTURE(made.what, to_hex(made.data));
    const std::string venue = is_of_curve(made) ? "curve" : "balancer";
    REQUIRE(readers.read(venue, made.to, made.data, made.value) == made.swaps);
  }
}

TEST_CASE("calls of Curve and Balancer that are cut short, or that would revert, are nothing") {
  const Readers readers(of_curve, of_balancer);
  const std::vector<OrderedSwap> nothing;
  std::size_t cut = 0;
  for (const Made& made : encoded(200, 2)) {
    CAPTURE(made.what, to_hex(made.data));
    const std::string venue = is_of_curve(made) ? "curve" : "balancer";
    for (std::size_t size = 0; size < made.data.size(); size += 16) {
      const std::vector<std::uint8_t> part(made.data.begin(),
                                           made.data.begin() + static_cast<std::ptrdiff_t>(size));
      const auto read = readers.read(venue, made.to, part, made.value);
      // Bytes that nobody looks at may be missing at the end: padding, and no more than that.
      if (made.data.size() - size >= 32) {
        REQUIRE(read == nothing);
        ++cut;
      }
    }
    if (made.what == "route") {
      REQUIRE(readers.read(venue, made.to, made.data, made.value + 1) == nothing);
    }
    if (made.what == "pool") {
      auto broken = made.data;
      broken[4 + 31] = 9;  // no such coin
      REQUIRE(readers.read(venue, made.to, broken, 0) == nothing);
      broken[4 + 31] = broken[4 + 63];  // of one coin into itself
      REQUIRE(readers.read(venue, made.to, broken, 0) == nothing);
    }
  }
  CHECK(cut > 5'000);
}

TEST_CASE("without wrapped_native swaps of the coin are left out, and others are not") {
  const Readers readers(of_curve,
                        "pending_routers = \"" + one_of_these(4) + "\"\nwrapped_native = \"\"\n");
  std::size_t of_coin = 0;
  for (const Made& made : encoded(600, 3)) {
    if (made.what != "single" && made.what != "batch") continue;
    std::vector<OrderedSwap> expected;
    for (const OrderedSwap& swap : made.swaps) {
      const bool through_coin = std::ranges::any_of(swap.hops, [](const OrderedHop& hop) {
        return hop.token_in == one_of_these(6) || hop.token_out == one_of_these(6);
      });
      of_coin += through_coin ? 1U : 0U;
      if (!through_coin) expected.push_back(swap);
    }
    CAPTURE(made.what, to_hex(made.data));
    REQUIRE(readers.read("balancer", made.to, made.data, 0) == expected);
  }
  CHECK(of_coin > 50);
}

TEST_CASE("pending_pools that are no pools with their coins are refused with what is wrong") {
  const auto reason = [](const std::string& pools) {
    return Readers("pending_pools = \"" + pools + "\"\n", "").refused();
  };
  CHECK_THAT(reason(one_of_these(2) + ":" + one_of_these(3)),
             Catch::Contains("is not a pool and its coins, as pool:coin0:coin1"));
  CHECK_THAT(reason(one_of_these(2) + ":x:y"), Catch::Contains("`x` is not 0x and 40"));
  std::string many;
  for (unsigned i = 0; i < 63; ++i) {
    many += one_of_these(200 + i) + ":" + one_of_these(10) + ":" + one_of_these(11) + " ";
  }
  CHECK_THAT(reason(many), Catch::Contains("name more than 64 contracts together"));
}

}  // namespace gantry::test
