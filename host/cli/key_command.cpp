// gantry key import|list|address
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/cli/command.hpp"
#include "host/cli/prompt.hpp"
#include "host/ports/clock.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"
#include "host/sign/open_signer.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr mode_t owner_only = 0700;

struct KeyOptions {
  std::string file;    // of the key; empty: the terminal is asked
  std::string out;     // of the keystore; empty: named in `folder`
  std::string folder;  // empty: default_keystore_folder()
  std::string password_variable;
  bool light = false;
  bool as_json = false;
};

Result<fs::path> keystore_folder(const Session& session, const KeyOptions& options) {
  if (!options.folder.empty()) return fs::path(options.folder);
  return sign::default_keystore_folder(session.environment);
}

// ---- import -------------------------------------------------------------------------------------

Result<sign::SecretBytes> key_to_import(const KeyOptions& options) {
  if (sign::parse_key(sign::secret_of(options.file), "")) {
    return fail(ErrorKind::usage,
                "what stands in the place of a file's name is a key itself: a command line is seen "
                "by others and kept in the shell's history, so take that key for known. Name the "
                "file that holds one, or - for standard input");
  }
  if (!options.file.empty()) {
    const auto text = read_secret(options.file);
    if (!text) return std::unexpected(text.error());
    return sign::parse_key(*text, options.file == "-" ? "standard input" : options.file);
  }
  const auto text = ask_unseen("Private key, 64 hexadecimal digits: ");
  if (text) return sign::parse_key(*text, "what was typed");
  return fail(ErrorKind::usage,
              "there is no terminal to ask for the key: name the file that holds it, or - for "
              "standard input");
}

Result<sign::SecretBytes> new_password(const Session& session, const KeyOptions& options) {
  if (!options.password_variable.empty()) {
    auto text = session.environment(options.password_variable);
    if (text && !text->empty()) {
      sign::SecretBytes password = sign::secret_of(*text);
      sign::wipe(text->data(), text->size());
      return password;
    }
    return fail(ErrorKind::usage,
                fmt::format("the environment variable {} is not set, or empty: it "
                            "is to hold the new keystore's password",
                            options.password_variable));
  }
  auto password = ask_unseen("Password for the new keystore: ");
  if (!password) {
    return fail(ErrorKind::usage,
                "there is no terminal to ask for the new keystore's password: name the variable of "
                "the environment that holds it with --password-env");
  }
  if (password->empty()) return fail(ErrorKind::usage, "the password is empty: choose another");
  const auto again = ask_unseen("The same once more: ");
  if (!again || *again != *password) {
    return fail(ErrorKind::usage, "the two passwords differ: begin again");
  }
  return std::move(*password);
}

// Named as geth names them.
Result<fs::path> path_for(const Session& session, const KeyOptions& options,
                          const sign::EvmAddress& address) {
  if (!options.out.empty()) return fs::path(options.out);
  const auto folder = keystore_folder(session, options);
  if (!folder) return std::unexpected(folder.error());
  std::error_code error;
  if (fs::create_directories(*folder, error) && !error) ::chmod(folder->c_str(), owner_only);
  if (error) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be made: {}. Name another with --folder",
                                           folder->string(), error.message()));
  }
  std::string name = checksummed_address(address).substr(2);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return *folder / fmt::format("UTC--{:%Y-%m-%dT%H-%M-%S}Z--{}", wall_clock(), name);
}

ExitCode import_key(const Session& session, const KeyOptions& options) {
  const Random random = system_random();
  const auto curve = sign::Curve::make(random);
  if (!curve) return report_error(curve.error());
  const auto key = key_to_import(options);
  if (!key) return report_error(key.error());
  if (!curve->is_key(*key)) {
    return report_error({ErrorKind::format,
                         "the number that was given is no key: it is 0, or not "
                         "below the order of secp256k1"});
  }
  const sign::EvmAddress address = curve->address_of(*key);
  const auto path = path_for(session, options, address);
  if (!path) return report_error(path.error());
  const auto password = new_password(session, options);
  if (!password) return report_error(password.error());
  const auto text =
      sign::make_keystore(*key, *password, *curve, random,
                          options.light ? sign::KeystoreCost::light : sign::KeystoreCost::standard);
  if (!text) return report_error(text.error());
  if (const auto written = sign::write_keystore(*path, *text); !written) {
    return report_error(written.error());
  }
  if (options.as_json) {
    print(json_text(json::object{{"address", checksummed_address(address)},
                                 {"file", printable(path->string())}}));
    return ExitCode::done;
  }
  print(fmt::format("{}: holds the key of {}\n", printable(path->string()),
                    checksummed_address(address)));
  if (!options.file.empty() && options.file != "-") {
    print(fmt::format("{} still holds it unencrypted: remove it\n", printable(options.file)));
  }
  return ExitCode::done;
}

// ---- list ---------------------------------------------------------------------------------------

struct Listed {
  std::string file;
  std::string address;  // empty: the file does not say, or is no keystore
  std::string derivation;
  bool exposed = false;  // others may read it
  std::string fault;     // why it is none
};

Result<std::vector<Listed>> keystores_in(const fs::path& folder) {
  std::vector<Listed> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error)) continue;
    Listed row{.file = entry.path().string()};
    struct stat facts{};
    row.exposed = ::stat(entry.path().c_str(), &facts) == 0 && (facts.st_mode & 077) != 0;
    if (const auto keystore = sign::Keystore::read(entry.path())) {
      row.derivation = keystore->derivation();
      if (keystore->address()) row.address = checksummed_address(*keystore->address());
    } else {
      row.fault = keystore.error().message;
    }
    out.push_back(std::move(row));
  }
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("{}: cannot be read: {}", folder.string(), error.message()));
  }
  std::ranges::sort(out, {}, &Listed::file);
  return out;
}

ExitCode list_keys(const Session& session, const KeyOptions& options) {
  const auto folder = keystore_folder(session, options);
  if (!folder) return report_error(folder.error());
  std::error_code error;
  // Nothing was imported yet: the default folder need not be there.
  const bool none_yet = options.folder.empty() && !fs::exists(*folder, error);
  const auto rows = none_yet ? Result<std::vector<Listed>>() : keystores_in(*folder);
  if (!rows) return report_error(rows.error());
  const bool found = std::ranges::any_of(
      *rows, [](const Listed& row) { return row.exposed || !row.fault.empty(); });
  if (options.as_json) {
    json::array keys;
    for (const Listed& row : *rows) {
      keys.push_back(
          json::object{{"file", printable(row.file)},
                       {"address", row.address.empty() ? json::value() : json::value(row.address)},
                       {"derivation", row.derivation},
                       {"others_may_read", row.exposed},
                       {"fault", printable(row.fault)}});
    }
    print(json_text(json::object{{"folder", printable(folder->string())}, {"keys", keys}}));
    return found ? ExitCode::found : ExitCode::done;
  }
  if (rows->empty()) {
    print(fmt::format("No keystore is in {}. Make one: gantry key import\n",
                      printable(folder->string())));
  }
  for (const Listed& row : *rows) {
    if (!row.fault.empty()) {
      print(printable(row.fault) + "\n");
      continue;
    }
    print(fmt::format("{}  {}{}\n", row.address.empty() ? "(does not say)" : row.address,
                      printable(row.file), row.exposed ? "  (others may read it: chmod 600)" : ""));
  }
  return found ? ExitCode::found : ExitCode::done;
}

// ---- address ------------------------------------------------------------------------------------

// Of a keystore whose password is right.
Result<sign::EvmAddress> address_in(const Session& session, const KeyOptions& options) {
  const auto keystore = sign::Keystore::read(options.file);
  if (!keystore) return std::unexpected(keystore.error());
  const auto curve = sign::Curve::make(system_random());
  if (!curve) return std::unexpected(curve.error());
  const auto password = sign::password_for(*keystore, options.password_variable,
                                           session.environment, ask_keystore_password());
  if (!password) return std::unexpected(password.error());
  const auto key = keystore->decrypt(*password, *curve);
  if (!key) return std::unexpected(key.error());
  return curve->address_of(*key);
}

ExitCode print_address(const Session& session, const KeyOptions& options) {
  Result<sign::EvmAddress> address;
  if (!options.file.empty()) {
    address = address_in(session, options);
  } else {
    const auto loaded = load(session, options.as_json);
    if (!loaded) return ExitCode::usage;
    WalletSettings wallet = loaded->configuration.wallet;
    if (!options.password_variable.empty()) wallet.password_variable = options.password_variable;
    const auto http = make_curl_http();
    const Random random = system_random();
    const auto signer =
        sign::open_signer(wallet, {*http, session.environment, random, ask_keystore_password()});
    if (signer) {
      address = (*signer)->address();
    } else {
      address = std::unexpected(signer.error());
    }
  }
  if (!address) return report_error(address.error());
  if (options.as_json) {
    print(json_text(json::object{{"address", checksummed_address(*address)}}));
  } else {
    print(checksummed_address(*address) + "\n");
  }
  return ExitCode::done;
}

using KeyAction = ExitCode (*)(const Session&, const KeyOptions&);

CLI::App* add_action(CLI::App& group, CommandLine& line, const std::string& name,
                     const std::string& summary, const std::string& example, KeyAction action,
                     const std::shared_ptr<KeyOptions>& options) {
  CLI::App* command = add_command(group, name, summary, example);
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options, action] {
    line.chosen = [&line, options, action] { return action(line.session, *options); };
  });
  return command;
}

}  // namespace

void add_key(CLI::App& app, CommandLine& line) {
  CLI::App* group = add_command(app, "key", "Keys that sign, in encrypted files", "key list");
  group->require_subcommand(1);
  constexpr const char* password_help =
      "Variable of the environment that holds the password; without it the terminal is asked";

  auto imported = std::make_shared<KeyOptions>();
  CLI::App* importing = add_action(
      *group, line, "import", "Encrypt a private key into a new keystore (Keystore V3, scrypt)",
      "key import key.hex --out account.json", &import_key, imported);
  importing
      ->add_option("file", imported->file,
                   "Holds the key, 64 hexadecimal digits; - for standard input; without it the "
                   "terminal is asked")
      ->type_name("FILE");
  CLI::Option* out =
      importing->add_option("--out", imported->out, "The keystore to write")->type_name("FILE");
  importing
      ->add_option("--folder", imported->folder,
                   "Where it gets a name of its own; by default gantry/keystore in $XDG_DATA_HOME "
                   "or ~/.local/share")
      ->type_name("FOLDER")
      ->excludes(out);
  importing->add_option("--password-env", imported->password_variable, password_help)
      ->type_name("NAME");
  importing->add_flag("--light", imported->light,
                      "Make each guess of the password 64 times as cheap, as geth's --lightkdf");

  auto listed = std::make_shared<KeyOptions>();
  add_action(*group, line, "list", "Which keystores are in a folder; needs no password", "key list",
             &list_keys, listed)
      ->add_option("folder", listed->folder, "By default gantry/keystore in $XDG_DATA_HOME")
      ->type_name("FOLDER");

  auto told = std::make_shared<KeyOptions>();
  CLI::App* address = add_action(
      *group, line, "address",
      "The address of the key in a keystore, or of the signer that [wallet] names, once it is "
      "proven: by the password, or by asking the remote signer",
      "key address account.json --password-env GANTRY_PASSWORD", &print_address, told);
  address->add_option("file", told->file, "A keystore; by default what [wallet] names")
      ->type_name("FILE");
  address->add_option("--password-env", told->password_variable, password_help)->type_name("NAME");
}

}  // namespace gantry::host::cli
