// `gantry executor` as its users run it, against a real chain: what it says it would send, what it
// sends, and what it refuses.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "evm/executor_scene.hpp"
#include "host/cli/program.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;
using host::tests::Workspace;

const Integer coin("1000000000000000000");
constexpr std::string_view key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
constexpr std::string_view sender = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
constexpr std::string_view stranger = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

// Blocks are made as soon as a transaction comes, until `mines(false)`.
class ProgramScene {
 public:
  ProgramScene() {
    space.variables["KEY_PASSWORD"] = "correct horse";
    host::tests::write_text(space / "key.hex", key);
    const Ended made =
        space.run({"key", "import", (space / "key.hex").string(), "--light", "--password-env",
                   "KEY_PASSWORD", "--out", (space / "config/account.json").string()});
    INFO(made.err);
    REQUIRE(made.code == 0);
    mines(true);
    configure();
  }

  Anvil& anvil() { return market.chain().chain(); }
  void mines(bool at_once) { anvil().call("evm_setAutomine", {at_once}); }

  struct Wanted {
    std::string id = "eip155:31337";
    std::string url = {};
    std::string execution = {};  // the section's lines
    std::string_view sender = test::sender;
    std::string wallet = "keystore = \"account.json\"\npassword_variable = \"KEY_PASSWORD\"\n";
  };
  void configure() { configure({}); }
  void configure(const Wanted& wanted) {
    const std::string url = wanted.url.empty() ? anvil().url() : wanted.url;
    host::tests::write_text(
        space / "config/gantry.toml",
        fmt::format("[[chain]]\nid = \"{}\"\nname = \"anvil\"\nblock_time_s = 0.4\n{}"
                    "[chain.execution]\n{}\n[wallet]\nsender = \"{}\"\n{}"
                    "[plugins]\nfolders = [\"{}\"]\n",
                    wanted.id,
                    url == "none"
                        ? ""
                        : fmt::format("[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n", url),
                    wanted.execution, wanted.sender, wanted.wallet, GANTRY_PLUGINS));
    host::tests::write_text(space / "config/dex_config.toml", "");
    host::tests::write_text(space / "config/strategies.toml", "");
  }
  void use_executor(const std::string& address) {
    configure({.execution = fmt::format("executor = \"{}\"", address)});
  }

  Ended run(std::vector<std::string> words) const {
    words.insert(words.begin(), "executor");
    return space.run(std::move(words));
  }
  json::object told(std::vector<std::string> words, int code = 0) const {
    words.emplace_back("--json");
    const Ended ended = run(std::move(words));
    INFO(ended.err);
    INFO(ended.out);
    REQUIRE(ended.code == code);
    return json::parse(ended.out).as_object();
  }
  // Deployed through the program, and named in its configuration.
  std::string deployed() {
    const std::string address = text_of(told({"deploy", "--live"}).at("executor"));
    use_executor(address);
    return address;
  }

  Integer balance(std::string_view account) {
    return to_integer(text_of(anvil().call("eth_getBalance", {json::value(account), "latest"})));
  }
  Integer tokens(const std::string& token, std::string_view holder) {
    return to_integer(market.chain().read(
        token, market.data("balanceOf(address)", address_word(std::string(holder)))));
  }
  Integer nonce() {
    return to_integer(
        text_of(anvil().call("eth_getTransactionCount", {json::value(sender), "pending"})));
  }
  std::string trail() const {
    const Ended verified = space.run({"audit", "verify"});
    INFO(verified.out);
    CHECK(verified.code == 0);
    const Ended read = space.shell("strings -n 4 \"$1\"* | cat", {ledger().string()});
    return read.out;
  }
  std::filesystem::path ledger() const { return space / "home/.local/state/gantry/ledger.sqlite"; }

  ExecutorScene market;
  Workspace space;
};

void refuses(const ProgramScene& scene, const std::vector<std::string>& words,
             const std::string& why, int code = 2) {
  const Ended ended = scene.run(words);
  INFO(fmt::format("{}", fmt::join(words, " ")));
  INFO(ended.out);
  CHECK(ended.code == code);
  CHECK_THAT(ended.err, Catch::Contains(why));
  // One line; behind a wrong command line, where to read on.
  CHECK(std::ranges::count(ended.err, '\n') == (has(ended.err, "\nSee: gantry ") ? 2 : 1));
}

}  // namespace

TEST_CASE("a dry run says what deploying takes, and neither signs nor sends nor writes anything") {
  ProgramScene scene;
  scene.space.variables.erase("KEY_PASSWORD");
  const Integer nonce = scene.nonce();
  const json::object told = scene.told({"deploy"});
  CHECK(told.at("live") == false);
  CHECK(told.at("chain") == "eip155:31337");
  CHECK(text_of(told.at("sender")) == sender);
  const json::object& one = told.at("transactions").at(0).as_object();
  CHECK(one.at("to").is_null());
  CHECK(Integer(one.at("nonce").to_number<std::uint64_t>()) == nonce);
  const Integer gas = one.at("gas_limit").to_number<std::uint64_t>();
  // What the node says of the same bytes, and a fifth.
  const std::string data =
      text_of(executor_artefact().at("bytecode")) + address_word(std::string(sender));
  const Integer estimated = to_integer(text_of(scene.anvil().call(
      "eth_estimateGas", {json::object{{"from", std::string(sender)}, {"data", data}}})));
  CHECK(gas == estimated + estimated / 5);
  CHECK(Integer(text_of(one.at("cost_max_wei"))) == gas * Integer(text_of(one.at("max_fee_wei"))));
  const Ended text = scene.run({"deploy"});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, Catch::Contains("Nothing was signed or sent"));
  CHECK_THAT(text.out, Catch::Contains(text_of(told.at("executor"))));
  CHECK(scene.nonce() == nonce);
  CHECK_FALSE(std::filesystem::exists(scene.ledger()));
}

TEST_CASE("the executor that is deployed has the code that the program has, and its owner") {
  ProgramScene scene;
  const std::string foretold = text_of(scene.told({"deploy"}).at("executor"));
  const Integer before = scene.balance(sender);
  const json::object told = scene.told({"deploy", "--live"});
  const std::string executor = text_of(told.at("executor"));
  CHECK(executor == foretold);
  CHECK(told.at("code") == "matches");
  const json::object& one = told.at("transactions").at(0).as_object();
  const auto receipt = scene.anvil().call("eth_getTransactionReceipt", {one.at("hash")});
  CHECK(to_integer(text_of(receipt.at("contractAddress"))) == to_integer(executor));
  CHECK(to_integer(text_of(receipt.at("blockNumber"))) ==
        Integer(one.at("block").to_number<std::uint64_t>()));
  // To the wei.
  CHECK(before - scene.balance(sender) == Integer(text_of(one.at("fee_paid_wei"))));
  CHECK(Integer(text_of(one.at("fee_paid_wei"))) <= Integer(text_of(one.at("cost_max_wei"))));
  // The same code as the one that the tests of the contract itself deploy for the same owner.
  CHECK(scene.market.chain().code_of(executor) ==
        scene.market.chain().code_of(scene.market.executor().address()));
  const std::string trail = scene.trail();
  CHECK_THAT(trail, Catch::Contains("deploy the executor on eip155:31337: transaction " +
                                    text_of(one.at("hash"))));
  CHECK_THAT(trail, Catch::Contains("included in block"));

  scene.use_executor(executor);
  const json::object status = scene.told({"status"});
  CHECK(text_of(status.at("owner")) == sender);
  CHECK(status.at("owner_is_sender") == true);
  CHECK(status.at("code") == "matches");
  CHECK(status.at("coin_wei") == "0");
  CHECK(status.at("tokens").as_array().empty());
  refuses(scene, {"deploy", "--live"}, "names the executor " + executor + " already");
}

TEST_CASE("what is said of a deployment is what goes in gantry.toml") {
  ProgramScene scene;
  const Ended ended = scene.run({"deploy", "--live"});
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK_THAT(ended.out, Catch::Contains("deploy the executor: sent 0x"));
  const auto at = ended.out.find("executor = \"");
  REQUIRE(at != std::string::npos);
  scene.configure({.execution = ended.out.substr(at)});
  CHECK(scene.run({"status"}).code == 0);
  const Ended checked = scene.space.run({"config", "check"});
  INFO(checked.err);
  CHECK(checked.code == 0);
}

TEST_CASE("the coin and tokens go to the executor and come back, to the unit") {
  ProgramScene scene;
  const std::string executor = scene.deployed();
  const std::string token = scene.market.token();
  scene.market.mint(token, std::string(sender), 5 * coin);

  const json::object native = scene.told({"fund", "native", "0.25", "--live"});
  CHECK(native.at("transactions").as_array().size() == 1);
  CHECK(scene.balance(executor) == coin / 4);

  // Dry: the second's gas is not known before the first is included.
  const json::object dry = scene.told({"fund", token, "1.5"});
  REQUIRE(dry.at("transactions").as_array().size() == 2);
  CHECK(dry.at("transactions").at(0).at("gas_limit").to_number<std::uint64_t>() > 21'000);
  CHECK(dry.at("transactions").at(1).at("gas_limit").is_null());
  CHECK(scene.tokens(token, executor) == 0);

  const json::object funded = scene.told({"fund", token, "1.5", "--live"});
  CHECK(funded.at("transactions").as_array().size() == 2);
  CHECK(scene.tokens(token, executor) == coin * 3 / 2);
  CHECK(scene.tokens(token, sender) == coin * 7 / 2);
  // Nothing is left allowed.
  CHECK(to_integer(scene.market.chain().read(
            token,
            scene.market.data("allowance(address,address)",
                              address_word(std::string(sender)) + address_word(executor)))) == 0);

  const json::object status = scene.told({"status"});
  CHECK(text_of(status.at("coin_wei")) == "250000000000000000");
  REQUIRE(status.at("tokens").as_array().size() == 1);
  CHECK(to_integer(text_of(status.at("tokens").at(0).at("address"))) == to_integer(token));
  CHECK(text_of(status.at("tokens").at(0).at("units")) == "1500000000000000000");
  CHECK(status.at("tokens").at(0).at("amount") == "1.5");

  scene.told({"withdraw", token, "500000000000000001", "--live"});
  CHECK(scene.tokens(token, executor) == coin - 1);
  scene.told({"withdraw", token, "all", "--live"});
  CHECK(scene.tokens(token, executor) == 0);
  CHECK(scene.tokens(token, sender) == 5 * coin);
  CHECK(scene.told({"status"}).at("tokens").as_array().empty());
  scene.told({"withdraw", "native", "all", "--live"});
  CHECK(scene.balance(executor) == 0);
  const std::string trail = scene.trail();
  for (const char* done : {"fund the executor with 0.25 ETH on", "fund the executor with 1.5 ? on",
                           "withdraw 0.500000000000000001 ? on", "all of it, on"}) {
    CHECK_THAT(trail, Catch::Contains(done));
  }
}

TEST_CASE("an allowance of before is used where it is enough, and else set to zero first") {
  ProgramScene scene;
  const std::string executor = scene.deployed();
  // As Tether: it answers nothing, and allowances change by way of zero only.
  const std::string token = scene.market.token(MarketOddity::answers_nothing);
  scene.market.mint(token, std::string(sender), 100);
  const auto allow = [&](const Integer& amount) {
    scene.market.tell(token, "approve(address,uint256)", address_word(executor) + word(amount));
  };
  allow(10);
  CHECK(scene.told({"fund", token, "10", "--live"}).at("transactions").as_array().size() == 1);
  allow(7);
  CHECK(scene.told({"fund", token, "10", "--live"}).at("transactions").as_array().size() == 3);
  CHECK(scene.tokens(token, executor) == 20);
}

TEST_CASE("what cannot be done with the executor is said in a line, and nothing is sent") {
  ProgramScene scene;
  const std::string executor = scene.deployed();
  const std::string token = scene.market.token();
  const std::string taxed = scene.market.token(MarketOddity::taxes);
  scene.market.mint(token, std::string(sender), 100);
  scene.market.mint(taxed, std::string(sender), 10'000);
  scene.market.tell(taxed, "approve(address,uint256)", address_word(executor) + word(10'000));
  const Integer nonce = scene.nonce();

  for (const std::string& live : {std::string("--json"), std::string("--live")}) {
    refuses(scene, {"fund", token, "101", live}, "and not 0.000000000000000101");
    refuses(scene, {"fund", "native", "1000000.0", live}, "and not 1000000 ETH");
    refuses(scene, {"fund", "native", scene.balance(sender).str(), live},
            "takes up to 9999");  // nothing is left for gas
    refuses(scene, {"fund", taxed, "1000", live}, "TokenFailed: 0x");
    refuses(scene, {"withdraw", token, "1", live}, "the executor has 0");
    refuses(scene, {"withdraw", token, "all", live}, "the executor has no");
    refuses(scene, {"fund", std::string(stranger), "1", live}, "it is no token", 1);
    refuses(scene, {"fund", executor, "1", live}, "it is no token", 1);
  }
  refuses(scene, {"fund", "native", "-1"}, "");
  refuses(scene, {"fund", "native", "0"}, "more than nothing");
  refuses(scene, {"fund", "native", "1e18"}, "exponents are not read");
  refuses(scene, {"fund", "native", "all"}, "has to begin with a digit");
  refuses(scene, {"fund", "WETH", "1"}, "the chain's coin is `native`");
  refuses(scene, {"fund", "0x12", "1"}, "is no address");
  refuses(scene, {"fund", "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "1"}, "checksum");
  refuses(scene, {"fund", "native"}, "amount is required");
  refuses(scene, {"deploy", "--wait-s", "0"}, "wait-s");
  refuses(scene, {"deploi"}, "did you mean `deploy`?");
  refuses(scene, {"status", "--chain", "eip155:1"}, "no [[chain]] of gantry.toml is `eip155:1`");
  refuses(scene, {"status", "--executor", "0x12"}, "is no address");
  refuses(scene, {"status", "--executor", token}, "says no owner", 1);
  refuses(scene, {"status", "--executor", std::string(stranger)}, "says no owner", 1);
  CHECK(scene.nonce() == nonce);
}

TEST_CASE("an executor of somebody else, or of other code, is told and not funded") {
  ProgramScene scene;
  const std::string executor = scene.deployed();
  const ExecutorContract other(scene.market.chain(), std::string(stranger));
  scene.use_executor(other.address());
  const json::object of_other = scene.told({"status"}, 3);
  CHECK(text_of(of_other.at("owner")) == stranger);
  CHECK(of_other.at("owner_is_sender") == false);
  CHECK(of_other.at("code") == "matches");
  refuses(scene, {"fund", "native", "1", "--live"},
          "is not the executor of " + std::string(sender));
  refuses(scene, {"withdraw", "native", "all", "--live"},
          "is the executor of " + std::string(stranger));

  // One byte more, behind all that is run.
  const std::string code = scene.market.chain().code_of(executor);
  scene.anvil().call("anvil_setCode", {json::value(executor), json::value(code + "00")});
  scene.use_executor(executor);
  CHECK(scene.told({"status"}, 3).at("code") == "differs");
  const Ended text = scene.run({"status"});
  CHECK(text.code == 3);
  CHECK_THAT(text.out, Catch::Contains("another than this program deploys"));
  refuses(scene, {"fund", "native", "1", "--live"}, "is not the executor of");
}

TEST_CASE("nothing leaves for an account that cannot send, or not alone") {
  ProgramScene scene;
  // A smart account: a contract at the sender.
  const std::string contract = scene.market.token();
  const Integer nonce = scene.nonce();
  scene.configure({.sender = contract, .wallet = fmt::format("owner = \"{}\"\n", sender)});
  refuses(scene, {"deploy", "--live"}, "[wallet] has an owner besides the sender");
  scene.configure({.sender = contract});
  refuses(scene, {"deploy"}, "is a smart account");
  // Another key than the sender's.
  scene.configure({.sender = stranger});
  refuses(scene, {"deploy", "--live"}, "holds the key of " + std::string(sender));
  // Nobody signs.
  scene.configure({.wallet = ""});
  CHECK(scene.run({"deploy"}).code == 0);
  refuses(scene, {"deploy", "--live"}, "nobody signs");
  // The wrong password, and none.
  scene.configure();
  scene.space.variables["KEY_PASSWORD"] = "wrong horse";
  refuses(scene, {"deploy", "--live"}, "the password is not this keystore's");
  scene.space.variables["KEY_PASSWORD"] = "correct horse";
  // Nothing to pay with.
  scene.anvil().call("anvil_setBalance", {json::value(sender), "0x1000"});
  refuses(scene, {"deploy"}, "and to deploy the executor takes up to");
  scene.anvil().call("anvil_setBalance", {json::value(sender), "0x8ac7230489e80000"});
  // What waits already would come before it, or in its place.
  scene.mines(false);
  scene.anvil().call("eth_sendTransaction",
                     {json::object{{"from", std::string(sender)}, {"to", std::string(stranger)}}});
  refuses(scene, {"deploy", "--live"}, "1 transaction of");
  scene.anvil().call("evm_mine");
  CHECK(scene.nonce() == nonce + 1);
  CHECK(scene.run({"deploy"}).code == 0);
}

TEST_CASE("an account whose key runs a contract's code is no smart account") {
  ProgramScene scene;
  scene.anvil().call("anvil_setCode",
                     {json::value(sender), json::value("0xef0100" + std::string(40, '1'))});
  CHECK(scene.run({"deploy"}).code == 0);
}

TEST_CASE("a chain that is another, that is not there, or that asks too much is sent nothing") {
  ProgramScene scene;
  const Integer nonce = scene.nonce();
  scene.configure({.id = "eip155:1"});
  refuses(scene, {"deploy", "--live"}, "is of eip155:31337, not eip155:1", 1);
  scene.configure({.url = "none"});
  refuses(scene, {"deploy", "--live"}, "has no providers");
  scene.configure({.url = "http://127.0.0.1:9"});
  refuses(scene, {"deploy", "--live"}, "no provider can be asked", 1);
  scene.configure({.execution = "max_fee_gwei = 0.000001\nmax_priority_fee_gwei = 0"});
  refuses(scene, {"deploy", "--live"}, "max_fee_gwei allows 0.000001 gwei", 1);
  scene.configure();
  refuses(scene, {"fund", "native", "1", "--live"}, "names no executor");
  CHECK(scene.nonce() == nonce);
}

TEST_CASE("a ledger that a running host has is not gone around") {
  ProgramScene scene;
  const Integer nonce = scene.nonce();
  std::filesystem::create_directories(scene.ledger().parent_path());
  // As a running host holds it.
  const int lock = ::open((scene.ledger().string() + ".lock").c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(lock >= 0);
  REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  CHECK(scene.run({"deploy"}).code == 0);  // a dry run needs none
  refuses(scene, {"deploy", "--live"}, "another host has this ledger open", 1);
  CHECK(scene.nonce() == nonce);
  ::close(lock);
  CHECK(scene.run({"deploy", "--live"}).code == 0);
}

TEST_CASE("a transaction that no block takes is named, and found when one does") {
  ProgramScene scene;
  scene.mines(false);
  const Ended ended = scene.run({"deploy", "--live", "--wait-s", "2"});
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err, Catch::Contains("waiting for 0x"));
  const auto at = ended.err.find("transaction 0x");
  REQUIRE(at != std::string::npos);
  const std::string hash = ended.err.substr(at + 12, 66);
  CHECK_THAT(ended.err, Catch::Contains("is in no block after 2 seconds"));
  CHECK_THAT(scene.trail(), Catch::Contains(hash + " of nonce"));
  CHECK_THAT(scene.trail(), Catch::Contains("not included in time"));
  scene.anvil().call("evm_mine");
  CHECK(scene.anvil().call("eth_getTransactionReceipt", {json::value(hash)}).is_object());
}

TEST_CASE("a transaction that reverts on the chain is told as such") {
  ProgramScene scene;
  const std::string executor = scene.deployed();
  scene.told({"fund", "native", "1.0", "--live"});
  scene.mines(false);
  Running waits = scene.space.start({"executor", "withdraw", "native", "1.0", "--live"});
  const auto pending = [&] {
    return scene.anvil()
        .call("eth_getBlockByNumber", {"pending", false})
        .at("transactions")
        .as_array()
        .size();
  };
  for (int i = 0; i < 600 && pending() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  REQUIRE(pending() == 1);
  // The coin goes before the block is made.
  scene.anvil().call("anvil_setBalance", {json::value(executor), "0x0"});
  scene.anvil().call("evm_mine");
  const Ended ended = waits.wait();
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err, Catch::Contains("reverted in block"));
  CHECK_THAT(scene.trail(), Catch::Contains("reverted in block"));
}

}  // namespace gantry::test
