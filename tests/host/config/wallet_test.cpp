// Who signs: [wallet]'s keystore or remote signer.
#include "malformed.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

constexpr std::string_view wallet_head =
    "[[chain]]\nid = \"eip155:1\"\n[wallet]\n"
    "sender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n";

struct WalletRow {
  std::string_view text;  // from line 5 on
  std::uint32_t line;
  std::uint32_t column;
  std::string_view message;
};

constexpr WalletRow rows[] = {
    {"owner = \"0x12\"\n", 5, 9, "wallet.owner is the text \"0x12\": it has 2 hex digits"},
    {"keystore = 7\n", 5, 12, "wallet.keystore is the integer 7"},
    {"keystore = \"a.json\"\nremote_signer = \"https://x\"\n", 6, 17,
     "wallet.remote_signer is set beside keystore"},
    {"remote_signer = \"localhost:9000\"\n", 5, 17,
     "wallet.remote_signer is the text \"localhost:9000\""},
    {"remote_signer = \"wss://x\"\n", 5, 17, "wallet.remote_signer is no URL of HTTP"},
    {"remote_signer_kind = \"clef\"\n", 5, 22,
     "wallet.remote_signer_kind is set without remote_signer"},
    {"remote_signer_timeout_ms = 5000\n", 5, 28,
     "wallet.remote_signer_timeout_ms is set without remote_signer"},
    {"remote_signer = \"https://x\"\nremote_signer_timeout_ms = 1\n", 6, 28,
     "wallet.remote_signer_timeout_ms is 1: it is below the minimum of 100 ms"},
    {"password_variable = \"KEY_PASSWORD\"\n", 5, 21,
     "wallet.password_variable is set without keystore"},
    {"keystore = \"a.json\"\npassword_variable = \"open sesame 1\"\n", 6, 21,
     "wallet.password_variable is no name of a variable"},
    {"keystore = \"a.json\"\npassword_variable = \"hunter2\"\n", 6, 21,
     "wallet.password_variable is no name of a variable"},
};

std::string wallet(std::string_view text) { return std::string(wallet_head) + std::string(text); }

}  // namespace

TEST_CASE("each way to get the signer of [wallet] wrong has its line and column") {
  for (const WalletRow& row : rows) {
    const std::string gantry = wallet(row.text);
    const ConfigReport report = errors_of({gantry, good_dex, good_strategies});
    INFO(gantry);
    INFO(render_text(report, false));
    REQUIRE(report.errors.size() == 1);
    const Diagnostic& error = report.errors.front();
    CHECK(error.file == "config/gantry.toml");
    CHECK(error.line == row.line);
    CHECK(error.column == row.column);
    CHECK(error.message.starts_with(row.message));
    CHECK_FALSE(error.expected.empty());
  }
}

TEST_CASE("a password that stands where its variable's name should is not repeated") {
  const std::string gantry =
      wallet("keystore = \"a.json\"\npassword_variable = \"open sesame 1\"\n");
  const ConfigReport report = errors_of({gantry, good_dex, good_strategies});
  for (const std::string& text : {render_text(report, false), render_json(report)}) {
    CHECK_THAT(text, Catch::Contains("no name of a variable"));
    CHECK_THAT(text, !Catch::Contains("sesame"));
  }
}

TEST_CASE("a remote signer needs an account that it signs for") {
  const std::string gantry =
      "[[chain]]\nid = \"eip155:1\"\n[wallet]\nremote_signer = \"https://x\"\n";
  const ConfigReport report = errors_of({gantry, good_dex, good_strategies});
  REQUIRE(report.errors.size() == 1);
  CHECK(report.errors[0].message ==
        "wallet.remote_signer is set, but no account that it signs for");
}

TEST_CASE("the signer is read as it is written, and its variables are named") {
  const std::string kept = wallet(
      "owner = \"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F\"\nkeystore = \"keys/a.json\"\n"
      "password_variable = \"KEY_PASSWORD\"\n");
  const auto loaded =
      parse({kept, good_dex, good_strategies}, environment({{"KEY_PASSWORD", "x"}}));
  REQUIRE(loaded.has_value());
  CHECK(loaded->report.warnings.empty());
  CHECK(loaded->wallet.keystore.filename() == "a.json");
  CHECK(loaded->wallet.password_variable == "KEY_PASSWORD");
  CHECK(loaded->wallet.signs());
  CHECK(loaded->wallet.signer().bytes[0] == 0x9d);
  const auto names = variables_of(*loaded);
  REQUIRE(names.size() == 1);
  CHECK(names[0].name == "KEY_PASSWORD");
  CHECK(names[0].by == "the keystore");
  // Without the variable nothing can be signed, which stops no dry run.
  const auto unset = parse({kept, good_dex, good_strategies});
  REQUIRE(unset.has_value());
  REQUIRE(unset->report.warnings.size() == 1);
  CHECK(unset->report.warnings[0].variable == "KEY_PASSWORD");

  const std::string remote = wallet(
      "remote_signer = \"https://${SIGNER}/x\"\nremote_signer_kind = \"clef\"\n"
      "remote_signer_timeout_ms = 60000\n");
  const auto elsewhere = parse({remote, good_dex, good_strategies}, environment({{"SIGNER", "h"}}));
  REQUIRE(elsewhere.has_value());
  CHECK(elsewhere->wallet.remote_signer.text() == "https://${SIGNER}/x");
  CHECK(elsewhere->wallet.remote_signer_kind == RemoteSignerKind::clef);
  CHECK(elsewhere->wallet.remote_signer_timeout_ms == 60000);
  CHECK(elsewhere->wallet.signer().bytes[0] == 0x70);
  CHECK(variables_of(*elsewhere).at(0).name == "SIGNER");

  const auto nobody = parse({wallet(""), good_dex, good_strategies});
  REQUIRE(nobody.has_value());
  CHECK_FALSE(nobody->wallet.signs());
}
