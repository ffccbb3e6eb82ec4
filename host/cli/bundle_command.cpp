// gantry bundle pack|sign|verify
#include "host/cli/bundle_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "host/base/output_file.hpp"
#include "host/base/sha256.hpp"
#include "host/bundle/disk.hpp"
#include "host/bundle/minisign.hpp"
#include "host/bundle/store.hpp"
#include "host/bundle/trust.hpp"
#include "host/cli/prompt.hpp"
#include "host/ports/clock.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::array<std::uint8_t, 4> bundle_head{0x28, 0xb5, 0x2f, 0xfd};
constexpr std::string_view signature_head = "untrusted comment: ";

std::span<const std::uint8_t> head_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// ---- pack ---------------------------------------------------------------------------------------

struct PackOptions {
  std::vector<std::string> libraries;
  std::string licence;
  std::string out;
};

ExitCode pack(const PackOptions& options) {
  const auto packed =
      bundle::pack({{options.libraries.begin(), options.libraries.end()}, options.licence});
  if (!packed) return report_refusal(packed.error());
  const bundle::BundleFacts& facts = packed->facts;
  const fs::path out = options.out.empty()
                           ? fs::path(fmt::format("{}-{}.tar.zst", facts.name, facts.version))
                           : fs::path(options.out);
  if (auto free = check_output(out, {.kind = "bundle", .head = bundle_head, .input = {}}); !free) {
    return report_error(free.error());
  }
  if (auto written = bundle::replace_file(out, packed->bytes, 0644); !written) {
    return report_error(written.error());
  }
  std::vector<std::string> triples;
  for (const bundle::BundleTarget& target : facts.targets) triples.push_back(target.triple);
  print(fmt::format("{}: {} {} for {}, {} bytes\nsha256 {}\n", printable(out.string()),
                    printable(facts.id), printable(facts.version), fmt::join(triples, ", "),
                    packed->bytes.size(), sha256_of(packed->bytes)));
  return ExitCode::done;
}

// ---- sign ---------------------------------------------------------------------------------------

struct SignOptions {
  std::string file;
  std::string key;
  std::string passphrase_variable;
  std::string comment;
};

ExitCode sign(const Session& session, const SignOptions& options) {
  // Only what a host would read is signed.
  const auto opened = open_bundle(options.file);
  if (!opened) return report_refusal(opened.error());
  const fs::path target = options.file + ".minisig";
  if (auto free =
          check_output(target, {.kind = "signature", .head = head_of(signature_head), .input = {}});
      !free) {
    return report_error(free.error());
  }
  const auto text = bundle::read_text_file(options.key, minisign::text_bytes_max);
  if (!text) return report_error(text.error());
  const auto key =
      minisign::SecretKey::parse(*text, options.key, [&]() -> std::optional<std::string> {
        if (!options.passphrase_variable.empty()) {
          return session.environment(options.passphrase_variable);
        }
        const auto passphrase = ask_unseen("Passphrase of the key: ");
        if (!passphrase) return std::nullopt;
        return std::string(sign::text_of(*passphrase));
      });
  if (!key) return report_error(key.error());
  const std::string comment =
      options.comment.empty()
          ? fmt::format("timestamp:{}\tfile:{}\thashed", wall_clock().time_since_epoch().count(),
                        fs::path(options.file).filename().string())
          : options.comment;
  const auto signature = key->sign(opened->bytes, comment);
  if (!signature) return report_error(signature.error());
  const auto written =
      bundle::replace_file(target, bundle::bytes_of(minisign::to_text(*signature)), 0644);
  if (!written) return report_error(written.error());
  print(fmt::format("{}: {} {} signed with the key {}\n{}\n", printable(target.string()),
                    printable(opened->bundle.facts.id), printable(opened->bundle.facts.version),
                    minisign::to_text(signature->key), minisign::to_text(key->public_key())));
  return ExitCode::done;
}

// ---- verify -------------------------------------------------------------------------------------

struct VerifyOptions {
  std::string file;
  std::string signature;
  std::string public_key;
  std::string keys;
  std::string at;
  bool as_json = false;
};

Result<KeyRing> ring_for(const Session& session, const VerifyOptions& options) {
  if (options.public_key.empty()) {
    if (!options.keys.empty()) return configured_keys(options.keys);
    const auto settings = bundle_settings(session);
    if (!settings) return std::unexpected(settings.error());
    return configured_keys(settings->plugins.keys);
  }
  auto key = minisign::parse_public_key(options.public_key, "--public-key");
  if (!key) return fail(ErrorKind::usage, key.error().message);
  KeyRing ring;
  ring.file = "--public-key";
  ring.keys.push_back({.key = *key, .signer = "the key given", .plugins = {"*"}});
  return ring;
}

std::string bundle_text(const bundle::Bundle& bundle, const Style& style) {
  const bundle::BundleFacts& facts = bundle.facts;
  std::string out =
      style(Ink::bold, printable(facts.id)) +
      printable(fmt::format(" {}  {}  {}", facts.version, facts.kind, facts.summary)) + "\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    out += style(Ink::dim, fmt::format("  {:<12}", name)) + printable(value) + "\n";
  };
  line("sha256", bundle.sha256);
  line("licence", facts.licence);
  line("interfaces", fmt::format("{}, SDK {}", fmt::join(facts.interfaces, ", "), facts.sdk));
  for (const bundle::BundleTarget& target : facts.targets) {
    line(target.triple.substr(0, target.triple.find('-')),
         fmt::format("{} bytes{}{}", target.size_bytes,
                     target.glibc.empty() ? "" : ", GLIBC_" + target.glibc,
                     target.glibcxx.empty() ? "" : ", GLIBCXX_" + target.glibcxx));
  }
  return out;
}

ExitCode verify(const Session& session, const VerifyOptions& options) {
  const auto now = options.at.empty() ? wall_clock() : parse_time(options.at);
  if (!now) {
    return report_error(
        {ErrorKind::usage,
         fmt::format("--at {}: is no date, as 2028-01-01 or 2028-01-01T12:00:00Z", options.at)});
  }
  const auto ring = ring_for(session, options);
  if (!ring) return report_error(ring.error());
  const auto opened = open_bundle(options.file);
  if (!opened) return report_refusal(opened.error());
  const auto text = read_signature(options.file, options.signature);
  if (!text) return report_refusal(text.error());
  const auto signature = minisign::parse_signature(*text, options.file + ".minisig");
  if (!signature) return report_refusal(signature.error());
  const auto signer =
      bundle::check_signature(*signature, opened->bytes, opened->bundle, *ring, *now);
  if (!signer) return report_refusal(signer.error());
  if (options.as_json) {
    json::error_code error;
    const json::value facts = json::parse(bundle::facts_to_json(opened->bundle.facts), error);
    print(json_text(json::object{{"bundle", facts},
                                 {"sha256", opened->bundle.sha256},
                                 {"signer", printable(signer->name)},
                                 {"key", signer->key},
                                 {"trusted_comment", printable(signature->trusted_comment)}}));
    return ExitCode::done;
  }
  std::string comment = signature->trusted_comment;
  std::ranges::replace(comment, '\t', ' ');  // minisign's own has tabs between its words
  const Style style(session.colour_out);
  print(bundle_text(opened->bundle, style));
  print(style(Ink::good, printable(fmt::format("  signed by {}, key {}: {}", signer->name,
                                               minisign::to_text(signature->key), comment))) +
        "\n");
  return ExitCode::done;
}

}  // namespace

Result<OpenedBundle> open_bundle(const fs::path& path) {
  auto bytes = bundle::read_file(path, bundle::bundle_bytes_max);
  if (!bytes) return std::unexpected(std::move(bytes.error()));
  auto read = bundle::read_bundle(*bytes, path.string());
  if (!read) return std::unexpected(std::move(read.error()));
  return OpenedBundle{std::move(*bytes), std::move(*read)};
}

Result<std::string> read_signature(const fs::path& bundle, const std::string& given) {
  const std::string path = given.empty() ? bundle.string() + ".minisig" : given;
  auto text = bundle::read_text_file(path, minisign::text_bytes_max);
  if (!text && text.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::plugin,
                fmt::format("{}: is not signed: there is no {}. Fetch it, or have it signed",
                            bundle.string(), path));
  }
  return text;
}

Result<BundleSettings> bundle_settings(const Session& session) {
  BundleSettings out;
  bool read = false;
  const auto files = ConfigFiles::in_folder(config_folder(session));
  const auto configuration = load_configuration(
      files,
      [&](const PluginSettings& settings) {
        out.plugins = settings;
        read = !settings.keys.empty();
        return find_plugins(session, settings).scan.plugins;
      },
      session.environment);
  if (!configuration) out.errors = configuration.error().errors;
  if (read) return out;
  return fail(ErrorKind::configuration,
              fmt::format("{}: cannot be read, so it is not known where bundles are installed and "
                          "whose signatures count; see: gantry config check",
                          files.gantry.string()));
}

Result<KeyRing> configured_keys(const fs::path& path) {
  auto ring = read_keys(path);
  if (ring) return std::move(*ring);
  const Diagnostic& first = ring.error().errors.front();
  return fail(ErrorKind::configuration,
              fmt::format("{}:{}:{}: {}{}{}", first.file, first.line, first.column, first.message,
                          first.expected.empty() ? "" : "; expected: ", first.expected));
}

Result<fs::path> configured_store(const Session& session, const PluginSettings& settings) {
  if (!settings.store.empty()) return settings.store;
  return bundle::default_bundle_store(session.environment);
}

ExitCode report_refusal(const Error& error) {
  const ExitCode code = report_error(error);
  const bool refused = error.kind == ErrorKind::format || error.kind == ErrorKind::plugin ||
                       error.kind == ErrorKind::limit;
  return refused ? ExitCode::found : code;
}

void add_bundle(CLI::App& app, CommandLine& line) {
  CLI::App* bundle = add_command(app, "bundle", "Pack, sign, verify and install plugins as bundles",
                                 "bundle list");
  bundle->require_subcommand(1);

  auto pack_options = std::make_shared<PackOptions>();
  CLI::App* pack_command =
      add_command(*bundle, "pack", "Make a bundle; the same input gives the same bytes",
                  "bundle pack build/release/plugins/triangular.so --licence LICENSE");
  pack_command->add_option("library", pack_options->libraries, "One library for each machine")
      ->required()
      ->type_name("FILE");
  pack_command->add_option("--licence", pack_options->licence, "The licence's text")
      ->required()
      ->type_name("FILE");
  pack_command
      ->add_option("--out", pack_options->out, "The bundle; by default NAME-VERSION.tar.zst here")
      ->type_name("FILE");
  pack_command->callback(
      [&line, pack_options] { line.chosen = [pack_options] { return pack(*pack_options); }; });

  auto sign_options = std::make_shared<SignOptions>();
  CLI::App* sign_command = add_command(*bundle, "sign", "Write FILE.minisig, as minisign would",
                                       "bundle sign triangular-0.1.0.tar.zst --key minisign.key");
  sign_command->add_option("file", sign_options->file, "The bundle")->required()->type_name("FILE");
  sign_command->add_option("--key", sign_options->key, "A secret key of minisign's")
      ->required()
      ->type_name("FILE");
  sign_command
      ->add_option("--passphrase-env", sign_options->passphrase_variable,
                   "Variable that holds the key's passphrase; without it the terminal is asked")
      ->type_name("NAME");
  sign_command
      ->add_option("--comment", sign_options->comment,
                   "The trusted comment, which is signed too; by default time and name")
      ->type_name("TEXT");
  sign_command->callback([&line, sign_options] {
    line.chosen = [&, sign_options] { return sign(line.session, *sign_options); };
  });

  auto verify_options = std::make_shared<VerifyOptions>();
  CLI::App* verify_command =
      add_command(*bundle, "verify", "Check a bundle and its signature; nothing of it runs",
                  "bundle verify triangular-0.1.0.tar.zst --at 2027-01-01");
  verify_command->add_option("file", verify_options->file, "The bundle")
      ->required()
      ->type_name("FILE");
  verify_command->add_option("--signature", verify_options->signature, "By default FILE.minisig")
      ->type_name("FILE");
  verify_command
      ->add_option("--public-key", verify_options->public_key,
                   "Count this key alone, as \"RW...\", instead of keys.toml")
      ->type_name("KEY");
  verify_command->add_option("--keys", verify_options->keys, "Another keys.toml")
      ->type_name("FILE");
  verify_command->add_option("--at", verify_options->at, "As if it were that day")
      ->type_name("DATE");
  verify_command->add_flag("--json", verify_options->as_json, "For a program to read");
  verify_command->callback([&line, verify_options] {
    line.chosen = [&, verify_options] { return verify(line.session, *verify_options); };
  });

  add_bundle_install(*bundle, line);
  add_bundle_list(*bundle, line);
  add_bundle_rollback(*bundle, line);
  add_bundle_remove(*bundle, line);
}

}  // namespace gantry::host::cli
