// What an attacker tries on the executor: as a stranger, a venue, a token, or a plugin whose calls
// the owner runs.
#include <catch2/catch.hpp>

#include "evm/executor_scene.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

const Integer plenty = 1000;

ex::Bytes program_of(const std::vector<ex::Step>& steps) {
  const auto program = ex::encode_program(steps);
  REQUIRE(program);
  return *program;
}

// A call of Attacker.swap(bytes), which is told a program.
ex::Call lured(ExecutorScene& scene, const std::string& attacker, const ex::Bytes& program) {
  return scene.call(attacker, "swap(bytes)",
                    AbiArguments().bytes(to_hex(program).substr(2)).digits());
}

// Calldata of callback(bytes): the program is 68 bytes in.
constexpr const char* callback = "uniswapV3SwapCallback(bytes)";
constexpr std::uint32_t callback_program = 4 + 2 * 32;

std::string callback_data(ExecutorScene& scene, const ex::Bytes& program,
                          const std::string& signature = callback) {
  return scene.data(signature, AbiArguments().bytes(to_hex(program).substr(2)).digits());
}

ex::Call announced(ExecutorScene& scene, const std::string& attacker, const ex::Bytes& program) {
  ex::Call call = lured(scene, attacker, program);
  ex::Callback expected;
  expected.selector = scene.selector(callback);
  expected.program = program;
  expected.data_offset = 4 + 2 * 32;
  expected.calldata_offset = callback_program;
  call.callback = expected;
  return call;
}

}  // namespace

TEST_CASE("only its owner starts the executor, and nobody calls it back at rest") {
  ExecutorScene scene;
  const std::string token = scene.token();
  scene.stock(token, plenty);
  ExecutorContract& executor = scene.executor();
  const std::string& stranger = scene.stranger();
  const std::vector<std::string> calls = {
      executor.run_data({}, {}),
      scene.data("withdraw(address,uint256)", address_word(token) + word(1)),
      scene.data("fund(address,uint256)", address_word(token) + word(0)),
      scene.data("watch(address)", address_word(token)),
      scene.data("forget(address)", address_word(token)),
  };
  for (const std::string& call : calls) {
    CHECK(executor.attempt(stranger, executor.address(), call).error == "NotOwner");
    CHECK(executor.attempt(call).accepted);
  }
  CHECK(executor.attempt(stranger, executor.address(), "0x", 1).error == "NotOwner");
  CHECK(executor.attempt(executor.owner(), executor.address(), "0x", 1).accepted);
  // Callbacks by their known names, from anybody, the owner included.
  const ex::Bytes program =
      program_of({ex::Payment{to_address(token), to_address(stranger), amount(plenty)}});
  for (const std::string& from : {stranger, executor.owner()}) {
    for (const char* name : {"uniswapV3SwapCallback(int256,int256,bytes)",
                             "uniswapV2Call(address,uint256,uint256,bytes)",
                             "executeOperation(address,uint256,uint256,address,bytes)",
                             "receiveFlashLoan(address[],uint256[],uint256[],bytes)"}) {
      const Outcome outcome =
          executor.attempt(from, executor.address(), callback_data(scene, program, name));
      CHECK(outcome.error == "NotAnnounced");
    }
    CHECK(executor.attempt(from, executor.address(), "0x00").error == "NotAnnounced");
    CHECK(executor.attempt(from, executor.address(), "0x00000000").error == "NotAnnounced");
  }
}

TEST_CASE("a callback is taken from whom it was announced, as announced, once") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  scene.stock(token, plenty);
  const std::string pool = scene.deploy("Attacker", address_word(executor.address()));
  const std::string other = scene.deploy("Attacker", address_word(executor.address()));
  // The program pays the pool one unit.
  const ex::Bytes program =
      program_of({ex::Payment{to_address(token), to_address(pool), amount(1)}});
  const ex::Bytes theft = program_of({ex::Payment{to_address(token), to_address(pool), amount(2)}});
  const std::vector<ex::Step> steps = {announced(scene, pool, program)};
  const std::vector<ex::Settlement> allows = {at_least(token, -plenty)};
  const auto tries = [&](const std::vector<std::string>& calls) {
    scene.arm(pool, calls, false);
    return executor.attempt(steps, allows);
  };

  CHECK(tries({callback_data(scene, program)}).accepted);
  // What it wants by its own words.
  CHECK(tries({callback_data(scene, theft)}).error == "WrongProgram");
  CHECK(tries({callback_data(scene, {})}).error == "WrongProgram");
  CHECK(tries({callback_data(scene, program).substr(0, 2 * callback_program)}).error ==
        "WrongProgram");
  // Under another name.
  CHECK(tries({callback_data(scene, program, "uniswapV3FlashCallback(bytes)")}).error ==
        "NotAnnounced");
  // Twice, and never.
  CHECK(tries({callback_data(scene, program), callback_data(scene, program)}).error ==
        "NotAnnounced");
  CHECK(tries({}).error == "NotCalledBack");
  // By another, while the pool's is awaited: the token's hook, when the pool is paid, and before.
  scene.tell(token, "turn(uint8,address)",
             word(static_cast<int>(MarketOddity::calls_back)) + address_word(other));
  scene.arm(other, {callback_data(scene, program)}, false);
  CHECK(tries({callback_data(scene, program)}).error == "NotAnnounced");
  scene.tell(token, "turn(uint8,address)", word(0) + word(0));
  const std::vector<ex::Step> through_other = {[&] {
    ex::Call call = announced(scene, other, program);
    call.callback->caller = to_address(pool);
    return call;
  }()};
  CHECK(executor.attempt(through_other, allows).error == "NotAnnounced");
  // A call that announced nothing lets nobody in.
  const std::vector<ex::Step> unannounced = {lured(scene, pool, program)};
  scene.arm(pool, {callback_data(scene, program)}, false);
  CHECK(executor.attempt(unannounced, allows).error == "NotAnnounced");

  // What is tried in vain changes nothing: the pool was paid what the program says.
  scene.arm(
      pool,
      {callback_data(scene, theft), callback_data(scene, program), callback_data(scene, program)},
      true);
  const Outcome mined = executor.mine(steps, allows);
  REQUIRE(mined.accepted);
  CHECK(executor.balance(token, pool) == 1);
  CHECK(executor.balance(token, executor.address()) == plenty - 1);
  CHECK(word_at(scene.chain().read(pool, scene.data("taken()")), 0) == 1);
}

TEST_CASE("the executor cannot be entered again while it runs, not even by its owner") {
  ExecutorScene scene;
  const std::string token = scene.token();
  // The owner is an account that calls back into what it owns.
  const std::string owner = scene.deploy("Attacker", word(0));
  ExecutorContract executor(scene.chain(), owner);
  scene.chain().chain().call("anvil_setStorageAt",
                             {owner, hex_word(0), "0x" + address_word(executor.address())});
  scene.chain().chain().call("anvil_impersonateAccount", {boost::json::string(owner)});
  scene.mint(token, executor.address(), plenty);
  const ex::Call call = lured(scene, owner, {});
  const std::string steals = executor.run_data(
      {ex::Payment{to_address(token), to_address(scene.stranger()), amount(1)}}, {});
  for (const std::string& inner :
       {executor.run_data({}, {}), steals,
        scene.data("withdraw(address,uint256)", address_word(token) + word(1)),
        scene.data("watch(address)", address_word(token)),
        scene.data("forget(address)", address_word(token))}) {
    scene.arm(owner, {inner}, false);
    CHECK(executor.attempt({call}, {at_least(token, 0)}).error == "Busy");
  }
  scene.arm(owner, {steals}, false);
  CHECK(executor.attempt(steals).accepted);  // the same call by itself
  CHECK(executor.is_at_rest());
}

TEST_CASE("a profit that is one unit short, or late, reverts all of it") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  const std::string other = scene.token();
  const std::string dear = scene.pool(token, other, 11);
  const std::string fair = scene.pool(token, other, 10);
  scene.stock(token, 100);
  const std::vector<ex::Step> route = {scene.exchange(dear, token, true, 100),
                                       scene.exchange(fair, other, false, 110)};
  const Outcome short_by_one = executor.mine(route, {at_least(token, 11)});
  CHECK(short_by_one.error == "Short");
  REQUIRE(short_by_one.words.size() == 3);
  CHECK(short_by_one.words[0] == to_integer(token));
  CHECK(short_by_one.words[1] == 10);
  CHECK(short_by_one.words[2] == 11);
  CHECK(executor.balance(token, executor.address()) == 100);
  CHECK(executor.balance(token, executor.owner()) == 0);
  CHECK(executor.is_at_rest());

  const auto now = to_integer(text_of(
      scene.chain().chain().call("eth_getBlockByNumber", {"latest", false}).at("timestamp")));
  CHECK(executor.attempt(executor.run_data(route, {at_least(token, 10)}, now - 1)).error ==
        "Expired");
  CHECK(executor.attempt(executor.run_data(route, {at_least(token, 10)}, now + 100)).accepted);

  // Where it goes: kept, sent, and sent with what was there before.
  const std::vector<ex::Step> swap = {scene.exchange(dear, token, true, 60)};
  const auto ends = [&](ex::Settle settle, const Integer& kept, const Integer& sent) {
    const ChainMoment moment(scene.chain().chain());
    scene.mint(other, executor.address(), 5);  // not watched
    const Outcome outcome =
        executor.mine(swap, {at_least(token, -60), at_least(other, 66, settle)});
    REQUIRE(outcome.accepted);
    CHECK(executor.balance(token, executor.address()) == 40);
    CHECK(executor.balance(other, executor.address()) == kept);
    CHECK(executor.balance(other, executor.owner()) == sent);
    const std::string watched =
        scene.chain().read(executor.address(), scene.data("watchedTokens()"));
    CHECK(word_at(watched, 1) == (settle == ex::Settle::keep ? 2 : 1));
    // Settled(other, 66).
    bool told = false;
    for (const ChainLog& log : outcome.logs) {
      told = told || (log.emitter == executor.address() && word_at(log.data, 0) == 66 &&
                      word_at(log.topics, 1) == to_integer(other));
    }
    CHECK(told);
    CHECK(executor.is_at_rest());
  };
  ends(ex::Settle::keep, 71, 0);
  ends(ex::Settle::send_gain, 5, 66);
  ends(ex::Settle::send_all, 0, 71);
  // One unit more than the plan may spend.
  CHECK(executor.attempt(swap, {at_least(token, -59), at_least(other, 66)}).error == "Short");

  // What is withdrawn whole is watched no more; no token, or one too many, never is.
  const auto watched = [&] {
    return word_at(scene.chain().read(executor.address(), scene.data("watchedTokens()")), 1);
  };
  const auto watch = [&](const std::string& what) {
    return executor.attempt(scene.data("watch(address)", address_word(what))).error;
  };
  CHECK(watched() == 1);
  CHECK(watch(scene.stranger()) == "TokenFailed");
  CHECK(watch(other).empty());
  REQUIRE(executor.mine(scene.data("withdraw(address,uint256)", address_word(token) + word(100)))
              .accepted);
  CHECK(watched() == 0);
  CHECK(executor.balance(token, executor.owner()) == 100);
  constexpr int watched_slot = 3;
  scene.chain().chain().call("anvil_setStorageAt",
                             {executor.address(), hex_word(watched_slot), hex_word(64)});
  CHECK(watch(other) == "TooMany");
}

TEST_CASE("tokens that tax, that answer false and that answer nothing") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  const std::string odd = scene.token();
  const auto turn = [&](MarketOddity oddity) {
    scene.tell(odd, "turn(uint8,address)", word(static_cast<int>(oddity)) + word(0));
  };
  const std::string dear = scene.pool(token, odd, 11);
  const std::string fair = scene.pool(token, odd, 10);
  scene.stock(token, 1000);
  scene.stock(odd, 1000);
  const std::vector<ex::Step> route = {scene.exchange(dear, token, true, 1000),
                                       scene.exchange(fair, odd, false, 1100)};
  const std::vector<ex::Step> other_way = {scene.exchange(dear, odd, false, 1000),
                                           scene.exchange(fair, token, true, 1100)};
  const std::vector<ex::Settlement> planned = {at_least(token, 100), at_least(odd, 0)};
  const std::vector<ex::Settlement> planned_odd = {at_least(odd, 100), at_least(token, 0)};
  CHECK(executor.attempt(route, planned).accepted);
  CHECK(executor.attempt(other_way, planned_odd).accepted);

  // No return value, and allowances through zero: exactly as any other.
  turn(MarketOddity::answers_nothing);
  {
    const ChainMoment moment(scene.chain().chain());
    for (int i = 1; i <= 2; ++i) {
      REQUIRE(executor.mine(other_way, planned_odd).accepted);
      CHECK(executor.balance(odd, executor.owner()) == 100 * i);
      CHECK(executor.balance(odd, executor.address()) == 1000);
    }
    CHECK(executor
              .mine(scene.data("withdraw(address,uint256)",
                               address_word(odd) + word((Integer(1) << 256) - 1)))
              .accepted);
    CHECK(executor.balance(odd, executor.owner()) == 1200);
  }

  // A tax on the way: the executor's own is not what makes up for it.
  turn(MarketOddity::taxes);
  CHECK(executor.attempt(route, planned).error == "Short");
  // A tax on the profit itself, which would arrive short.
  const Outcome taxed = executor.attempt({scene.exchange(dear, token, true, 1000)},
                                         {at_least(token, -1000), at_least(odd, 1089)});
  CHECK(taxed.error == "Short");
  REQUIRE(taxed.words.size() == 3);
  CHECK(taxed.words[0] == to_integer(odd));
  CHECK(taxed.words[1] == 1079);  // of the 1,089 that came in
  CHECK(taxed.words[2] == 1089);
  CHECK(executor
            .attempt({scene.exchange(dear, token, true, 1000)},
                     {at_least(token, -1000), at_least(odd, 1089, ex::Settle::keep)})
            .accepted);

  // A charge on what is sent to the owner, which would be taken from what stays.
  turn(MarketOddity::charges_sender);
  CHECK(executor
            .attempt({scene.exchange(dear, token, true, 1000)},
                     {at_least(token, -1000), at_least(odd, 1100)})
            .error == "LeftBehind");

  // False is a failure wherever it is said.
  turn(MarketOddity::answers_false);
  const auto fails = [&](const Outcome& outcome) {
    CHECK(outcome.error == "TokenFailed");
    if (!outcome.words.empty()) CHECK(outcome.words[0] == to_integer(odd));
  };
  fails(executor.attempt({ex::Payment{to_address(odd), to_address(scene.stranger()), amount(1)}},
                         {at_least(odd, -1)}));
  fails(executor.attempt(scene.data("withdraw(address,uint256)", address_word(odd) + word(1))));
  scene.mint(odd, executor.owner(), 10);
  scene.tell(odd, "approve(address,uint256)", address_word(executor.address()) + word(10));
  const std::string fund = scene.data("fund(address,uint256)", address_word(odd) + word(10));
  fails(executor.attempt(fund));
  fails(executor.attempt({}, {at_least(odd, 0, ex::Settle::send_all)}));
  // The venue is not paid and pays nothing: it does not look, the executor does.
  CHECK(executor.attempt(other_way, planned_odd).error == "Short");

  // Funds: all that was sent, or nothing.
  turn(MarketOddity::taxes);
  scene.mint(odd, executor.owner(), 1000);
  scene.tell(odd, "approve(address,uint256)", address_word(executor.address()) + word(1000));
  fails(executor.attempt(scene.data("fund(address,uint256)", address_word(odd) + word(1000))));
  turn(MarketOddity::none);
  REQUIRE(executor.mine(fund).accepted);
  CHECK(executor.balance(odd, executor.address()) == 1010);
  // What is no token at all.
  CHECK(
      executor.attempt({ex::Payment{to_address(scene.stranger()), to_address(odd), amount(1)}}, {})
          .error == "TokenFailed");
}

TEST_CASE("a hostile plugin's calls cannot give away tokens or rights, or leave an allowance") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  const std::string stock = scene.token();
  scene.stock(token, plenty);
  scene.stock(stock, plenty);
  const std::string attacker = scene.deploy("Attacker", address_word(executor.address()));
  const std::string one = address_word(attacker) + word(plenty);

  // By a token's own functions, as calldata of a venue.
  for (const char* signature :
       {"approve(address,uint256)",
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
        "increaseAllowance(address,uint256)",
        "increaseApproval(address,uint256)",
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
        "setApprovalForAll(address,bool)",
        "safeTransferFrom(address,address,uint256)",
        "safeTransferFrom(address,address,uint256,bytes)",
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        "send(address,uint256,bytes)",
        "authorizeOperator(address)",
        "transferAndCall(address,uint256)",
        "transferAndCall(address,uint256,bytes)",
        "transferFromAndCall(address,address,uint256)",
        "transferFromAndCall(address,address,uint256,bytes)",
        "approveAndCall(address,uint256)",
        "approveAndCall(address,uint256,bytes)",
        "push(address,uint256)",
        "move(address,address,uint256)",
        "approve(address,address,uint160,uint48)",
        "transferFrom(address,address,uint160,address)",
        "setRelayerApproval(address,address,bool)",
        "approveDelegation(address,uint256)"}) {
    const Outcome outcome = executor.attempt({scene.call(stock, signature, one)}, {});
    INFO(signature);
    CHECK(outcome.error == "CallRefused");
  }
  // Nor by an amount that is written over a selector, which no encoder of ours writes.
  ex::Bytes over = program_of({scene.call(attacker, "nothing()", word(0))});
  over[1] |= 64;
  for (const unsigned byte : {1U, 0U, 0U, 3U, 0U, 1U, 255U}) {
    over.push_back(static_cast<std::uint8_t>(byte));
  }
  CHECK(executor.attempt(executor.run_bytes(over, {})).error == "Malformed");

  // To where no contract is, to itself, and without a function.
  CHECK(executor.attempt({scene.call(scene.stranger(), "nothing()")}, {}).error == "CallRefused");
  const std::string itself =
      scene.data("withdraw(address,uint256)", address_word(stock) + word(plenty));
  ex::Call own;
  own.target = to_address(executor.address());
  own.data = bytes_of(itself);
  CHECK(executor.attempt({own}, {}).error == "CallRefused");
  ex::Call silent;
  silent.target = to_address(attacker);
  silent.value = amount(1);
  CHECK(executor.attempt({silent}, {}).error == "CallRefused");

  // An allowance for a venue that uses none of it, or takes more than it is worth.
  ex::Call lazy = scene.call(attacker, "nothing()");
  lazy.approval = ex::Approval{to_address(stock), std::nullopt, amount(plenty)};
  REQUIRE(executor.mine({lazy}, {}).accepted);
  CHECK(executor.allowance(stock, attacker) == 0);
  CHECK(executor
            .attempt(scene.stranger(), attacker,
                     scene.data("pull(address,address,uint256)",
                                address_word(stock) + address_word(executor.address()) + word(1)))
            .error == "allowance");
  ex::Call greedy = scene.call(attacker, "drain(address)", address_word(stock));
  greedy.approval = ex::Approval{to_address(stock), std::nullopt, amount(1)};
  const Outcome drained = executor.attempt({greedy}, {at_least(token, 0)});
  CHECK(drained.error == "Short");  // watched, and no settlement says that it may be spent
  REQUIRE(drained.words.size() == 3);
  CHECK(drained.words[0] == to_integer(stock));
  CHECK(drained.words[1] == -1);
  CHECK(executor.attempt({greedy}, {at_least(stock, 0)}).error == "Short");
  CHECK(executor.attempt({greedy}, {at_least(stock, -1)}).accepted);
  const ex::Payment paid{to_address(stock), to_address(attacker), amount(1)};
  CHECK(executor.attempt({paid}, {at_least(token, 0)}).error == "Short");

  // A token that keeps what it was told to take back.
  scene.tell(stock, "turn(uint8,address)",
             word(static_cast<int>(MarketOddity::keeps_allowance)) + word(0));
  const Outcome kept = executor.attempt({lazy}, {});
  CHECK(kept.error == "LeftBehind");
  scene.tell(stock, "turn(uint8,address)", word(0) + word(0));

  // The chain's coin, which is always watched.
  scene.chain().send(executor.address(), "0x", plenty);
  const std::string sink = scene.deploy("Sink");
  ex::Call gives = scene.call(sink, "give()");
  gives.value = amount(3);
  const Outcome given = executor.attempt({gives}, {});
  CHECK(given.error == "Short");
  REQUIRE(given.words.size() == 3);
  CHECK(given.words[0] == 0);
  CHECK(given.words[1] == -3);
  const std::string coin = "0x" + std::string(40, '0');
  CHECK(executor.attempt({gives}, {at_least(coin, -2)}).error == "Short");
  CHECK(executor.attempt({gives}, {at_least(coin, -3)}).accepted);
}

TEST_CASE("programs that are none are refused, whole, and amounts are sums") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  const std::string sink = scene.deploy("Sink");
  scene.stock(token, plenty);
  const ex::Bytes good =
      program_of({ex::Payment{to_address(token), to_address(scene.stranger()), amount(1000)},
                  scene.call(sink, "give()"), ex::Answer{{1, 2, 3}}});
  const std::vector<ex::Settlement> allows = {at_least(token, -plenty)};
  REQUIRE(executor.attempt(executor.run_bytes(good, allows)).accepted);
  // Cut anywhere but between steps.
  std::size_t steps = 0;
  for (std::size_t size = 0; size < good.size(); ++size) {
    const ex::Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    const Outcome outcome = executor.attempt(executor.run_bytes(cut, allows));
    if (outcome.accepted) ++steps;
  }
  CHECK(steps == 3);  // none, one, and two of them
  const auto refused = [&](std::size_t at, std::uint8_t byte) {
    ex::Bytes bad = good;
    bad[at] = byte;
    return executor.attempt(executor.run_bytes(bad, allows)).error;
  };
  CHECK(refused(0, 0) == "Malformed");   // no step
  CHECK(refused(0, 4) == "Malformed");   // likewise
  CHECK(refused(41, 4) == "Malformed");  // a source's unknown bits
  CHECK(refused(41, 8) == "Malformed");  //
  // Words of what no call returned, or not so far, and of calldata that is not there.
  const auto pays_word = [&](const ex::Amount& word) {
    const ex::Payment payment{to_address(token), to_address(scene.stranger()), word};
    return executor.attempt({scene.call(sink, "one()"), payment}, allows).error;
  };
  const ex::Payment early{to_address(token), to_address(sink), ex::word_returned(0)};
  CHECK(executor.attempt({early}, allows).error == "Malformed");
  CHECK(pays_word(ex::word_returned(0)).empty());
  CHECK(pays_word(ex::word_returned(1)) == "Malformed");
  CHECK(pays_word(ex::word_called_with(0xffff)) == "Malformed");
  // A number of 33 bytes.
  ex::Bytes wide = program_of(
      {ex::Payment{to_address(token), to_address(sink), amount((Integer(1) << 256) - 1)}});
  wide[42] = 33;
  wide.push_back(0);
  CHECK(executor.attempt(executor.run_bytes(wide, allows)).error == "Malformed");
  const std::size_t call = good.size() - 6 - 29;
  REQUIRE(good[call] == 1);
  CHECK(refused(call + 1, 128) == "Malformed");  // a flag that is none
  // Callbacks that could never come, or from a caller that stands for a state.
  const auto callback = [&](std::uint8_t times, const std::string& caller) {
    ex::Call step = scene.call(sink, "give()");
    ex::Callback expected;
    expected.caller = to_address(caller);
    step.callback = expected;
    ex::Bytes program = program_of({step});
    program[1 + 1 + 20 + 20 + 4] = times;
    return executor.attempt(executor.run_bytes(program, {})).error;
  };
  CHECK(callback(0, sink) == "Malformed");
  CHECK(callback(1, "0x" + std::string(39, '0') + "1") == "Malformed");
  CHECK(callback(1, "0x" + std::string(39, '0') + "2") == "Malformed");
  CHECK(callback(1, sink) == "NotCalledBack");

  // Amounts are sums of what is known when they are needed.
  scene.mint(token, executor.address(), 1'000'003 - plenty);
  const std::string& stranger = scene.stranger();
  const auto pays = [&](const ex::Amount& amount) {
    const ChainMoment moment(scene.chain().chain());
    const Outcome outcome =
        executor.mine({ex::Payment{to_address(token), to_address(stranger), amount}},
                      {at_least(token, -1'000'003)});
    return outcome.accepted ? executor.balance(token, stranger).str() : outcome.error;
  };
  ex::Amount sum = ex::balance_of(to_address(token));
  CHECK(pays(sum) == "1000003");
  sum[0].share = 333'333;
  CHECK(pays(sum) == "333333");  // 333,333.999999 rounded down
  sum.push_back(ex::amount_of(u256(3)).front());
  sum[1].subtracted = true;
  CHECK(pays(sum) == "333330");
  sum[0].share.reset();
  CHECK(pays(sum) == "1000000");
  sum[1].subtracted = false;
  CHECK(pays(sum) == "balance");  // more than there is
  // Below zero, and above all bits.
  ex::Amount less = ex::amount_of(u256(2));
  less.push_back(ex::amount_of(u256(3)).front());
  less[1].subtracted = true;
  CHECK(pays(less).find("0x4e487b71") != std::string::npos);  // Panic
  ex::Amount minus = ex::amount_of(to_u256((Integer(1) << 256) - 7));
  minus[0].negated = true;
  CHECK(pays(minus) == "7");
  CHECK(pays({}) == "0");
}

TEST_CASE("a venue with a callback of its own is traded on without a new contract") {
  ExecutorScene scene;
  ExecutorContract& executor = scene.executor();
  const std::string token = scene.token();
  const std::string other = scene.token();
  const std::string venue = scene.deploy("NovelVenue", address_word(token) + address_word(other));
  const std::string fair = scene.pool(token, other, 10);
  scene.mint(other, venue, plenty);
  scene.stock(token, 100);
  // It says what it is owed in its third word, and wants a word back.
  const auto steps = [&](std::uint8_t parts, const std::string& answer) {
    const std::vector<ex::Step> fed = {
        ex::Payment{to_address(token), to_address(venue), ex::word_called_with(4 + 2 * 32)},
        ex::Answer{bytes_of(answer)}};
    ex::Call take = scene.call(venue, "take(uint256,uint256)", word(100) + word(parts));
    ex::Callback expected;
    expected.selector = scene.selector("feedMe(address,uint256,uint256)");
    expected.times = parts;
    expected.program = program_of(fed);
    expected.kept = true;
    take.callback = expected;
    // What it says it paid goes on.
    ex::Call sell = scene.call(fair, "exchange(int128,int128,uint256,uint256)",
                               word(1) + word(0) + word(0) + word(0));
    sell.approval = ex::Approval{to_address(other), std::nullopt, ex::word_returned(32)};
    sell.patches = {{4 + 2 * 32, ex::word_returned(32)}};
    return std::vector<ex::Step>{take, sell};
  };
  const std::string fed = scene.chain().topic("fed");
  const std::vector<ex::Settlement> planned = {at_least(token, 10), at_least(other, 0)};
  for (const std::uint8_t parts : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{5}}) {
    const ChainMoment moment(scene.chain().chain());
    const Outcome outcome = executor.mine(steps(parts, fed), planned);
    INFO(outcome.error);
    REQUIRE(outcome.accepted);
    CHECK(executor.balance(token, executor.owner()) == 10);
    CHECK(executor.balance(token, executor.address()) == 100);
    CHECK(executor.balance(other, executor.address()) == 0);
    CHECK(executor.is_at_rest());
  }
  CHECK(executor.attempt(steps(1, scene.chain().topic("hungry")), planned).error ==
        "what was that?");
  // A callback within the callback leaves what was announced for the outer one's next turn.
  const std::string inner = scene.deploy("Attacker", address_word(executor.address()));
  scene.arm(inner, {callback_data(scene, {})}, false);
  auto nested = steps(2, fed);
  const std::vector<ex::Step> fed_twice = {
      announced(scene, inner, {}),
      ex::Payment{to_address(token), to_address(venue), ex::word_called_with(4 + 2 * 32)},
      ex::Answer{bytes_of(fed)}};
  std::get<ex::Call>(nested[0]).callback->program = program_of(fed_twice);
  CHECK(executor.attempt(nested, planned).error.empty());
  // Called back more often, or less, than announced.
  auto twice = steps(2, fed);
  std::get<ex::Call>(twice[0]).callback->times = 1;
  CHECK(executor.attempt(twice, planned).error == "NotAnnounced");
  std::get<ex::Call>(twice[0]).callback->times = 3;
  CHECK(executor.attempt(twice, planned).error == "NotCalledBack");
}

TEST_CASE("the chain's coin is wrapped, unwrapped, kept and paid to who makes the block") {
  ExecutorScene scene;
  const std::string account = scene.deploy("OwnerAccount");
  ExecutorContract executor(scene.chain(), account);
  const std::string wrapper = scene.deploy("Wrapper");
  const std::string coin = "0x" + std::string(40, '0');
  const std::string& key = scene.chain().account();
  const auto through_account = [&](const std::string& data, const Integer& value) {
    return scene.data(
        "execute(address,uint256,bytes)",
        AbiArguments().address(executor.address()).word(value).bytes(data.substr(2)).digits());
  };
  ex::Call wrap = scene.call(wrapper, "deposit()");
  wrap.value = amount(1000);
  const ex::Call unwrap = scene.call(wrapper, "withdraw(uint256)", word(600));
  gantry_address native{};
  native.kind = GANTRY_ADDRESS_NATIVE;
  const ex::Payment tip{native, {}, amount(50)};
  const std::vector<ex::Step> steps = {wrap, unwrap, tip};
  const std::string block_maker = "0x00000000000000000000000000000000000000c0";
  scene.chain().chain().call("anvil_setCoinbase", {boost::json::string(block_maker)});

  // 1,000 come along; 400 stay wrapped and go to the owner, as do the 550 that are left.
  const std::string run = executor.run_data(
      steps, {at_least(coin, -450, ex::Settle::send_all), at_least(wrapper, 400)});
  CHECK(executor.attempt(key, executor.address(), run, 1000).error == "NotOwner");
  const Integer before = executor.coins(block_maker);
  const Outcome outcome = executor.mine(key, account, through_account(run, 1000), 1000);
  INFO(outcome.error);
  REQUIRE(outcome.accepted);
  CHECK(executor.coins(account) == 550);
  CHECK(executor.coins(executor.address()) == 0);
  CHECK(executor.balance(wrapper, account) == 400);
  CHECK(executor.coins(block_maker) - before >= 50);

  // Funds and what is withdrawn.
  const std::string fund = scene.data("fund(address,uint256)", word(0) + word(70));
  CHECK(executor.attempt(key, account, through_account(fund, 69), 0).error == "PaymentFailed");
  REQUIRE(executor.mine(key, account, through_account(fund, 70)).accepted);
  CHECK(executor.coins(executor.address()) == 70);
  CHECK(executor.coins(account) == 480);
  const auto withdraw = [&](const Integer& amount) {
    return through_account(scene.data("withdraw(address,uint256)", word(0) + word(amount)), 0);
  };
  CHECK(executor.attempt(key, account, withdraw(71)).error == "PaymentFailed");
  REQUIRE(executor.mine(key, account, withdraw(30)).accepted);
  CHECK(executor.coins(account) == 510);
  REQUIRE(executor.mine(key, account, withdraw((Integer(1) << 256) - 1)).accepted);
  CHECK(executor.coins(account) == 550);
  CHECK(executor.coins(executor.address()) == 0);
}
