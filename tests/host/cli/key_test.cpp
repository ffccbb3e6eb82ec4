// gantry key, and what doctor says of who signs.
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "host/report/json_text.hpp"
#include "program.hpp"
#include "support/rpc_server.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;

namespace {

constexpr const char* digits = "4646464646464646464646464646464646464646464646464646464646464646";
constexpr const char* address = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F";
constexpr const char* wallet_line = "[wallet]\n";

// A workspace with a key in key.hex and its password in KEY_PASSWORD.
struct KeySpace : Workspace {
  KeySpace() {
    write_text(*this / "key.hex", std::string("0x") + digits + "\n");
    variables["KEY_PASSWORD"] = "open sesame";
    variables["XDG_DATA_HOME"] = (*this / "data").string();
  }
  Ended import_key(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"key",     "import",         (*this / "key.hex").string(),
                                      "--light", "--password-env", "KEY_PASSWORD"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::string doctor(bool online = false) const {
    std::vector<std::string> words = {"doctor", "--json"};
    if (online) words.emplace_back("--online");
    const json::value answer = json::parse(run(words).out);
    for (const json::value& check : answer.at("checks").as_array()) {
      if (check.at("check") == "signer") {
        return std::string(check.at("verdict").as_string()) + ": " +
               std::string(check.at("detail").as_string());
      }
    }
    return "";
  }
};

// Runs gantry at a terminal of its own, and types each answer when the question before it was
// asked.
struct Typed {
  int code = -1;
  std::string shown;  // all that was on the terminal
};
Typed at_terminal(const Workspace& space, const std::vector<std::string>& arguments,
                  const std::vector<std::pair<std::string, std::string>>& answers) {
  const std::string program = space.program.string();
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  Typed out;
  std::size_t next = 0;
  std::size_t read_from = 0;
  char part[256];
  for (ssize_t got = 0; (got = ::read(terminal, part, sizeof part)) > 0;) {
    out.shown.append(part, static_cast<std::size_t>(got));
    if (next == answers.size()) continue;
    const std::size_t asked = out.shown.find(answers[next].first, read_from);
    if (asked == std::string::npos) continue;
    read_from = asked + answers[next].first.size();
    const std::string line = answers[next++].second + "\n";
    if (::write(terminal, line.data(), line.size()) < 0) break;
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::close(terminal);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

void check_silent(const Ended& ended) {
  for (const std::string* text : {&ended.out, &ended.err}) {
    CHECK_FALSE(has(*text, "464646"));
    CHECK_FALSE(has(*text, "open sesame"));
  }
}

}  // namespace

TEST_CASE("a key is imported into a keystore that its password alone opens") {
  KeySpace space;
  const auto file = space / "account.json";
  const Ended made = space.import_key({"--out", file.string(), "--json"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  check_silent(made);
  CHECK(json::parse(made.out).at("address") == address);
  CHECK(json::parse(made.out).at("file").as_string() == file.string());
  struct stat facts{};
  REQUIRE(::stat(file.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0600U);

  const std::vector<std::string> prove = {"key", "address", file.string(), "--password-env",
                                          "KEY_PASSWORD"};
  CHECK(space.run(prove).out == std::string(address) + "\n");
  space.variables["KEY_PASSWORD"] = "open sesamf";
  const Ended wrong = space.run(prove);
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err, "the password is not this keystore's"));
  CHECK_FALSE(has(wrong.err, "sesamf"));
  space.variables.erase("KEY_PASSWORD");
  const Ended unset = space.run(prove);
  CHECK(unset.code == 2);
  CHECK(has(unset.err, "the environment variable KEY_PASSWORD is not set"));

  // No key is replaced.
  space.variables["KEY_PASSWORD"] = "another";
  const Ended again = space.import_key({"--out", file.string()});
  CHECK(again.code == 1);
  CHECK(has(again.err, "a file is there already"));
}

TEST_CASE("a key comes from standard input too, and never from the command line") {
  const KeySpace space;
  const Ended piped = space.shell(std::string("printf ") + digits + " | \"$0\" \"$@\"",
                                  {"key", "import", "-", "--light", "--password-env",
                                   "KEY_PASSWORD", "--out", (space / "piped.json").string()});
  INFO(piped.err);
  CHECK(piped.code == 0);
  CHECK(has(piped.out, address));
  check_silent(piped);
  const Ended argument = space.run({"key", "import", digits, "--password-env", "KEY_PASSWORD"});
  CHECK(argument.code == 2);
  CHECK(has(argument.err, "is a key itself"));
  check_silent(argument);
  // Without a terminal nobody can be asked.
  const Ended asked = space.shell("exec setsid -w \"$0\" \"$@\" </dev/null", {"key", "import"});
  CHECK(asked.code == 2);
  CHECK(has(asked.err, "no terminal to ask for the key"));
}

TEST_CASE("key and passwords are asked for at a terminal, and not shown there") {
  const KeySpace space;
  const std::string file = (space / "typed.json").string();
  const std::vector<std::string> import_it = {"key", "import", "--light", "--out", file};
  const std::string ask_key = "Private key, 64 hexadecimal digits: ";
  const std::string ask_new = "Password for the new keystore: ";
  const std::string ask_again = "The same once more: ";
  const Typed differ = at_terminal(
      space, import_it, {{ask_key, digits}, {ask_new, "open sesame"}, {ask_again, "open sesamf"}});
  INFO(differ.shown);
  CHECK(differ.code == 2);
  CHECK(has(differ.shown, "the two passwords differ"));
  const Typed empty = at_terminal(space, import_it, {{ask_key, digits}, {ask_new, ""}});
  CHECK(empty.code == 2);
  CHECK(has(empty.shown, "the password is empty"));
  CHECK_FALSE(std::filesystem::exists(file));
  const Typed made = at_terminal(
      space, import_it, {{ask_key, digits}, {ask_new, "open sesame"}, {ask_again, "open sesame"}});
  CHECK(made.code == 0);
  CHECK(has(made.shown, address));
  const Typed proven =
      at_terminal(space, {"key", "address", file}, {{"Password of the keystore: ", "open sesame"}});
  CHECK(proven.code == 0);
  CHECK(has(proven.shown, address));
  for (const Typed* typed : {&differ, &empty, &made, &proven}) {
    CHECK_FALSE(has(typed->shown, "464646"));
    CHECK_FALSE(has(typed->shown, "sesam"));
  }
}

TEST_CASE("a recording is replayed whoever is to sign") {
  const KeySpace space;
  const std::string file = (space / "run.gantry").string();
  REQUIRE(space.run({"run", "--blocks", "5", "--record", file}).code == 0);
  space.edit("gantry.toml", wallet_line, wallet_line + std::string("keystore = \"a.json\"\n"));
  const Ended again = space.run({"replay", file});
  INFO(again.err);
  CHECK(again.code == 0);
}

TEST_CASE("what is no key, or no password, is not imported") {
  KeySpace space;
  const auto expect = [&](const std::string& text, int code, const std::string& words) {
    write_text(space / "key.hex", text);
    const Ended ended = space.import_key({"--out", (space / "x.json").string()});
    INFO(text);
    CHECK(ended.code == code);
    CHECK(has(ended.err, words));
    CHECK_FALSE(std::filesystem::exists(space / "x.json"));
    check_silent(ended);
  };
  expect("", 1, "holds no key");
  expect(std::string(digits) + "46", 1, "holds no key");
  expect(std::string(64, '0'), 1, "is no key: it is 0");
  expect(std::string(64, 'f'), 1, "not below the order");
  expect(std::string(5000, '4'), 1, "longer than 4096 bytes");
  space.variables["KEY_PASSWORD"] = "";
  expect(digits, 2, "KEY_PASSWORD is not set, or empty");
  CHECK(space.run({"key", "import", (space / "none").string()}).code == 1);
}

TEST_CASE("keystores are listed without a password, and what is odd is found") {
  const KeySpace space;
  const Ended none = space.run({"key", "list"});
  CHECK(none.code == 0);
  CHECK(has(none.out, "No keystore is in " + (space / "data").string()));
  REQUIRE(space.import_key().code == 0);
  const Ended one = space.run({"key", "list", "--json"});
  CHECK(one.code == 0);
  const json::value listed = json::parse(one.out);
  REQUIRE(listed.at("keys").as_array().size() == 1);
  const json::value& key = listed.at("keys").as_array()[0];
  CHECK(key.at("address") == address);
  CHECK(key.at("others_may_read") == false);
  const std::filesystem::path file(std::string(key.at("file").as_string()));
  CHECK(has(file.filename().string(), "--9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"));
  CHECK(has(space.run({"key", "list"}).out, address));

  std::filesystem::permissions(file, std::filesystem::perms(0644));
  const Ended exposed = space.run({"key", "list"});
  CHECK(exposed.code == 3);
  CHECK(has(exposed.out, "others may read it: chmod 600"));
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  write_text(file.parent_path() / "notes", "hello");
  const Ended odd = space.run({"key", "list"});
  CHECK(odd.code == 3);
  CHECK(has(odd.out, "is no keystore"));
  CHECK(has(odd.out, address));
  CHECK(space.run({"key", "list", (space / "nowhere").string()}).code == 1);
}

TEST_CASE("the keystore of [wallet] is of its account, or doctor and key address say so") {
  KeySpace space;
  const auto file = space / "account.json";
  REQUIRE(space.import_key({"--out", file.string()}).code == 0);
  CHECK(space.doctor().empty());
  const Ended nobody = space.run({"key", "address"});
  CHECK(nobody.code == 2);
  CHECK(has(nobody.err, "names nobody who signs"));

  const std::string keystore =
      "keystore = \"" + file.string() + "\"\npassword_variable = \"KEY_PASSWORD\"\n";
  space.edit("gantry.toml", wallet_line, wallet_line + keystore);
  // The shipped sender is another account.
  const Ended other = space.run({"key", "address"});
  CHECK(other.code == 2);
  CHECK(has(other.err, "holds the key of " + std::string(address)));
  CHECK(has(space.doctor(), "fail: "));
  space.edit("gantry.toml", wallet_line,
             wallet_line + ("owner = \"" + std::string(address)) + "\"\n");
  CHECK(space.run({"key", "address"}).out == std::string(address) + "\n");
  CHECK(has(space.doctor(), "ok: keystore " + file.string()));
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  CHECK(has(space.doctor(), "chmod 600"));
  std::filesystem::remove(file);
  CHECK(has(space.doctor(), "there is no such keystore"));
}

TEST_CASE("a remote signer is asked whether it has the account") {
  gantry::test::RpcChain chain(1);
  chain.answer_first([](const std::string& method, const json::array&) {
    return method == "eth_accounts" ? std::optional<json::value>(json::array{address})
                                    : std::nullopt;
  });
  gantry::test::RpcServer server(chain);
  KeySpace space;
  space.variables["SIGNER_URL"] = server.url();
  space.edit("gantry.toml", wallet_line,
             wallet_line + std::string("remote_signer = \"${SIGNER_URL}\"\n"));
  const Ended other = space.run({"key", "address"});
  CHECK(other.code == 1);
  CHECK(has(other.err, "has no account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"));
  CHECK_FALSE(has(other.err, server.url()));
  CHECK(has(space.doctor(true), "fail: "));
  space.edit("gantry.toml", wallet_line,
             wallet_line + ("owner = \"" + std::string(address)) + "\"\n");
  CHECK(space.run({"key", "address", "--json"}).out ==
        gantry::host::json_text(json::object{{"address", address}}));
  CHECK(has(space.doctor(true), "ok: ${SIGNER_URL}: has " + std::string(address)));
  CHECK(has(space.doctor(), "is asked with --online"));
  server.die();
  const Ended gone = space.run({"key", "address"});
  CHECK(gone.code == 1);
  CHECK(has(gone.err, "does not answer"));
}
