// A remote signer on loopback that tells every lie that can be told.
#include "host/sign/remote_signer.hpp"

#include "host/sign/message.hpp"
#include "sign_fixture.hpp"
#include "support/rpc_server.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::sign;
using namespace gantry::host::test;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;
namespace json = boost::json;

namespace {

constexpr TransactionType all_types[] = {TransactionType::legacy, TransactionType::access_list,
                                         TransactionType::dynamic_fee};

// Reads what it is asked for from the request, as a real one does, and signs that.
class LoopbackSigner {
 public:
  explicit LoopbackSigner(RemoteSignerKind kind = RemoteSignerKind::web3signer)
      : kind_(kind), key_(signer_of(some_key)) {
    chain_.answer_first([this](const std::string& method, const json::array& params) {
      return answer(method, params);
    });
    server_.emplace(chain_);
    http_ = make_curl_http();
    const std::string url = server_->url();
    remote_.emplace(
        *http_,
        RemoteSignerOptions{
            .url = Secret(url, url), .kind = kind, .timeout_ms = 5000, .address = key_->address()},
        curve());
  }

  Result<std::vector<std::uint8_t>> sign(const Transaction& transaction) {
    std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
    const auto made = remote_->sign(transaction, buffer);
    if (!made) return std::unexpected(made.error());
    CHECK(made->hash == keccak_of(made->bytes));
    return std::vector<std::uint8_t>(made->bytes.begin(), made->bytes.end());
  }
  std::string fault(const Transaction& transaction) {
    const auto made = sign(transaction);
    REQUIRE_FALSE(made.has_value());
    CHECK_THAT(made.error().message, Catch::StartsWith("signer " + server_->origin()));
    CHECK(made.error().message.find('\n') == std::string::npos);
    // A key in the URL's path is nobody's business.
    CHECK(made.error().message.find(server_->url()) == std::string::npos);
    kind_of_fault = made.error().kind;
    return made.error().message;
  }

  Signer& remote() { return *remote_; }
  Status check() { return remote_->check(); }
  Signer& key() { return *key_; }
  RpcServer& server() { return *server_; }

  std::function<void(Transaction&)> change;                // before it signs
  std::function<void(std::vector<std::uint8_t>&)> damage;  // after it signed
  std::function<json::value(json::value)> tell;            // in place of the answer
  std::unique_ptr<Signer> with;                            // another key
  std::vector<std::string> methods;                        // that were asked for
  ErrorKind kind_of_fault = ErrorKind::internal;

 private:
  static u256 amount(const json::object& asked, std::string_view name) {
    const json::value* value = asked.if_contains(name);
    return value == nullptr ? u256() : parse_hex(value->as_string()).value();
  }

  Transaction read(const json::object& asked) {
    REQUIRE(asked.at("from").as_string() == checksummed_address(key_->address()));
    Transaction out;
    out.type = asked.contains("maxFeePerGas") ? TransactionType::dynamic_fee
               : asked.contains("accessList") ? TransactionType::access_list
                                              : TransactionType::legacy;
    out.chain_id = amount(asked, "chainId").limb(0);
    out.nonce = amount(asked, "nonce").limb(0);
    out.gas_price = amount(asked, "gasPrice");
    out.max_fee = amount(asked, "maxFeePerGas");
    out.max_priority_fee = amount(asked, "maxPriorityFeePerGas");
    out.gas_limit = amount(asked, "gas").limb(0);
    out.value = amount(asked, "value");
    if (asked.contains("to")) out.to = address(asked.at("to").as_string());
    out.data = bytes(asked.at("data").as_string());
    if (!asked.contains("accessList")) return out;
    for (const json::value& entry : asked.at("accessList").as_array()) {
      AccessListEntry& added = out.access_list.emplace_back();
      added.address = address(entry.at("address").as_string());
      for (const json::value& key : entry.at("storageKeys").as_array()) {
        added.storage_keys.push_back(hash(key.as_string()));
      }
    }
    return out;
  }

  std::optional<json::value> answer(const std::string& method, const json::array& params) {
    methods.push_back(method);
    const bool clef = kind_ == RemoteSignerKind::clef;
    Signer& signer = with ? *with : *key_;
    json::value out;
    if (method == (clef ? "account_signTransaction" : "eth_signTransaction")) {
      Transaction transaction = read(params.at(0).as_object());
      if (change) change(transaction);
      auto made = signed_by(signer, transaction);
      if (damage) damage(made);
      const std::string raw = hex_text(made);
      out = clef ? json::value{{"raw", raw}, {"tx", json::object()}} : json::value(raw);
    } else if (method == (clef ? "account_signData" : "eth_sign")) {
      const std::size_t at = clef ? 1 : 0;
      if (clef) REQUIRE(params.at(0) == "text/plain");
      REQUIRE(params.at(at).as_string() == checksummed_address(key_->address()));
      auto message = bytes(params.at(at + 1).as_string());
      if (damage) damage(message);
      out = hex_text(signature_bytes(signer.sign_message(message).value()));
    } else if (method == (clef ? "account_signTypedData" : "eth_signTypedData")) {
      // That its hash is the operation's, viem is asked elsewhere.
      const json::value data = clef ? params.at(1) : json::parse(params.at(1).as_string());
      REQUIRE(data.at("primaryType") == "PackedUserOperation");
      out = hex_text(signature_bytes(signer.sign_user_operation(operation, entry_point).value()));
    } else if (method == (clef ? "account_list" : "eth_accounts")) {
      out = json::array{checksummed_address(EvmAddress{1}), checksummed_address(signer.address())};
    } else {
      return std::nullopt;
    }
    return tell ? tell(std::move(out)) : out;
  }

 public:
  UserOperation operation;
  EntryPoint entry_point;

 private:
  RemoteSignerKind kind_;
  std::unique_ptr<Signer> key_;
  RpcChain chain_{1};
  std::optional<RpcServer> server_;
  std::unique_ptr<Http> http_;
  std::optional<RemoteSigner> remote_;
};

}  // namespace

TEST_CASE("a remote signer's bytes are those that its key gives here") {
  for (const RemoteSignerKind kind : {RemoteSignerKind::web3signer, RemoteSignerKind::clef}) {
    LoopbackSigner there(kind);
    CHECK(there.check().has_value());
    for (const TransactionType type : all_types) {
      Transaction transaction = some_transaction(type);
      CHECK(there.sign(transaction).value() == signed_by(there.key(), transaction));
      transaction.to.reset();
      transaction.access_list.clear();
      transaction.data.clear();
      CHECK(there.sign(transaction).value() == signed_by(there.key(), transaction));
    }
    const std::vector<std::uint8_t> message = {1, 2, 3};
    CHECK(there.remote().sign_message(message).value() ==
          there.key().sign_message(message).value());
    for (const EntryPointVersion version :
         {EntryPointVersion::v0_6, EntryPointVersion::v0_7, EntryPointVersion::v0_8}) {
      there.entry_point = {version, EvmAddress{3}, 8453};
      there.operation.call_data = {9, 9};
      CHECK(there.remote().sign_user_operation(there.operation, there.entry_point).value() ==
            there.key().sign_user_operation(there.operation, there.entry_point).value());
    }
    CHECK(there.methods.front() ==
          (kind == RemoteSignerKind::clef ? "account_list" : "eth_accounts"));
  }
}

TEST_CASE("each field that a remote signer changes is named") {
  struct Lie {
    std::function<void(Transaction&)> change;
    std::string_view says;
  };
  const Lie lies[] = {
      {[](Transaction& t) { t.chain_id = 5; }, "its chain id is 5, and 1 was asked for"},
      {[](Transaction& t) { t.nonce = 8; }, "its nonce is 8, and 7 was asked for"},
      {[](Transaction& t) { t.max_fee = u256(50'000'000'000U); },
       "its highest fee is 50000000000, and 40000000000 was asked for"},
      {[](Transaction& t) { t.max_priority_fee = u256(2); },
       "its priority fee is 2, and 1000000000 was asked for"},
      {[](Transaction& t) { t.gas_limit = 1; }, "its gas limit is 1, and 210000 was asked for"},
      {[](Transaction& t) { t.to = EvmAddress{1}; },
       "its recipient is 0x0100000000000000000000000000000000000000, and "
       "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D was asked for"},
      {[](Transaction& t) { t.to.reset(); }, "its recipient is none"},
      {[](Transaction& t) { t.value = u256(); }, "its value is 0"},
      {[](Transaction& t) { t.data[5] ^= 1; }, "its data is 0x38ed173900010000... (36 bytes)"},
      {[](Transaction& t) { t.data.clear(); }, "its data is 0x (0 bytes)"},
      {[](Transaction& t) { t.access_list.pop_back(); }, "its access list is another"},
      {[](Transaction& t) { t.access_list[0].storage_keys[0][0] ^= 1; },
       "its access list is another"},
      {[](Transaction& t) { std::swap(t.access_list[0], t.access_list[1]); },
       "its access list is another"},
      {[](Transaction& t) {
         t.type = TransactionType::legacy;
         t.gas_price = t.max_fee;
         t.max_fee = t.max_priority_fee = u256();
         t.access_list.clear();
       },
       "its type is 0 (EIP-155), and 2 (EIP-1559) was asked for"},
  };
  LoopbackSigner there;
  for (const Lie& lie : lies) {
    INFO(lie.says);
    there.change = lie.change;
    CHECK_THAT(there.fault(some_transaction(TransactionType::dynamic_fee)),
               Catch::Contains("signed another transaction: " + std::string(lie.says)));
    CHECK(there.kind_of_fault == ErrorKind::plugin);
  }
  there.change = [](Transaction& t) { t.gas_price = u256(1); };
  CHECK_THAT(there.fault(some_transaction(TransactionType::legacy)),
             Catch::Contains("its gas price is 1, and 30000000000 was asked for"));
}

TEST_CASE("another's signature, or none, is not taken for the account's") {
  LoopbackSigner there;
  const Transaction transaction = some_transaction(TransactionType::dynamic_fee);
  there.with = signer_of(another_key);
  CHECK_THAT(there.fault(transaction), Catch::Contains("signed with the key of 0x"));
  CHECK_THAT(there.check().error().message, Catch::Contains("has no account 0x9d8A"));
  CHECK_THAT(there.remote().sign_message({}).error().message,
             Catch::Contains("signed something else than was asked, or with another key"));
  there.with.reset();
  // The message it signs is not the one that was given.
  there.damage = [](std::vector<std::uint8_t>& all) { all.push_back(7); };
  CHECK_THAT(there.remote().sign_message({}).error().message,
             Catch::Contains("signed something else"));
  CHECK_THAT(there.fault(transaction), Catch::Contains("more follows it"));
  there.damage = [](std::vector<std::uint8_t>& all) { all.resize(all.size() / 2); };
  CHECK_THAT(there.fault(transaction), Catch::Contains("what it signed is not one list"));
  there.damage = [](std::vector<std::uint8_t>& all) { all.clear(); };
  CHECK_THAT(there.fault(transaction), Catch::Contains("what it signed is empty"));
  // The last byte is s's: the same transaction, signed by whoever that makes.
  there.damage = [](std::vector<std::uint8_t>& all) { all.back() ^= 1; };
  CHECK_THAT(there.fault(transaction),
             Catch::Contains("signed with the key of") || Catch::Contains("is nobody's"));
  CHECK(there.kind_of_fault == ErrorKind::plugin);
}

TEST_CASE("answers that are no signed bytes are told as such") {
  LoopbackSigner there;
  const Transaction transaction = some_transaction(TransactionType::dynamic_fee);
  for (const json::value& nonsense :
       {json::value(nullptr), json::value(7), json::value("0xzz"), json::value("02f8"),
        json::value(json::array()), json::value{{"tx", "0x"}}, json::value{{"raw", 7}}}) {
    there.tell = [&](json::value) { return nonsense; };
    INFO(json::serialize(nonsense));
    CHECK_THAT(there.fault(transaction), Catch::Contains("no signed bytes"));
    CHECK(there.remote().sign_message({}).error().kind == ErrorKind::plugin);
    CHECK_FALSE(there.check().has_value());
  }
  there.tell = [](json::value) { return json::value("0x" + std::string(130, '0')); };
  CHECK_THAT(there.remote().sign_message({}).error().message, Catch::Contains("is nobody's"));
  there.tell = [](json::value) { return json::value("0x" + std::string(128, '0')); };
  CHECK_THAT(there.remote().sign_message({}).error().message, Catch::Contains("65 bytes"));
}

TEST_CASE("a remote signer that refuses, fails or is gone is an error that says so") {
  LoopbackSigner there;
  const Transaction transaction = some_transaction(TransactionType::dynamic_fee);
  const auto expect = [&](RpcFault fault, std::string_view words) {
    INFO(to_string(fault));
    there.server().fail(fault);
    CHECK_THAT(there.fault(transaction), Catch::Contains(std::string(words)));
    CHECK((there.kind_of_fault == ErrorKind::io || there.kind_of_fault == ErrorKind::limit));
  };
  expect(RpcFault::node_fails, "refuses eth_signTransaction: 'internal error' (-32603)");
  expect(RpcFault::key_refused, "HTTP status 401");
  expect(RpcFault::unavailable, "HTTP status 503");
  expect(RpcFault::garbage, "no answer of JSON-RPC");
  expect(RpcFault::html, "no answer of JSON-RPC");
  expect(RpcFault::wrong_ids, "no answer of JSON-RPC");
  expect(RpcFault::close, "does not answer");
  expect(RpcFault::reset, "does not answer");
  expect(RpcFault::huge, "does not answer");
  there.server().fail(RpcFault::none);
  CHECK(there.sign(transaction).has_value());
  there.server().die();
  CHECK_THAT(there.fault(transaction), Catch::Contains("does not answer"));
}

TEST_CASE("what no chain takes is not even sent to a remote signer") {
  LoopbackSigner there;
  Transaction transaction = some_transaction(TransactionType::dynamic_fee);
  transaction.chain_id = 0;
  CHECK(there.sign(transaction).error().kind == ErrorKind::format);
  UserOperation operation;
  operation.factory = eip7702_factory;
  operation.delegate = EvmAddress{1};
  CHECK_THAT(there.remote()
                 .sign_user_operation(operation, {EntryPointVersion::v0_8, {}, 1})
                 .error()
                 .message,
             Catch::Contains("keystore alone"));
  CHECK(there.methods.empty());
}
