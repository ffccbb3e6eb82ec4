// gantry executor deploy|fund|withdraw|status: the contract that carries trades out, by its owner.
// Without --live nothing is signed and nothing is sent.
#include "host/cli/executor_desk.hpp"
#include "host/cli/number.hpp"

namespace gantry::host::cli {
namespace {

ExitCode act(const Session& session, const ExecutorOptions& options, ExecutorAction action) {
  auto loaded = load(session, options.as_json);
  if (!loaded) return ExitCode::usage;
  const auto desk = open_desk(session, options, std::move(loaded->configuration), action);
  if (!desk) return report_error(desk.error());
  auto account =
      deploy::OwnerAccount::open(*(*desk)->chain, *(*desk)->providers, (*desk)->sender());
  if (!account) return report_error(account.error());
  const auto wants = wants_of(action, *account, **desk, options);
  if (!wants) return report_error(wants.error());
  const auto drafts = account->draft(*wants);
  if (!drafts) return report_error(drafts.error());
  if (options.live) return send_all(session, **desk, action, options, *account, *wants);
  return tell_dry(**desk, action, options, *account, *drafts);
}

CLI::App* add_one(CLI::App& group, CommandLine& line, ExecutorAction action,
                  const std::string& summary, const std::string& example,
                  const std::shared_ptr<ExecutorOptions>& options) {
  CLI::App* command = add_command(group, std::string(to_string(action)), summary, example);
  command->add_option("--chain", options->chain, "A [[chain]] by id or name; without it the first")
      ->type_name("CHAIN");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options, action] {
    line.chosen = [&line, options, action] {
      return action == ExecutorAction::status ? show_executor(line.session, *options)
                                              : act(line.session, *options, action);
    };
  });
  if (action == ExecutorAction::status) return command;
  command->add_flag("--live", options->live, "Sign and send; without it nothing leaves");
  command
      ->add_option("--password-env", options->password_variable,
                   "Variable of the environment that holds the keystore's password")
      ->type_name("NAME");
  add_whole_number(*command, "--wait-s", "Seconds to wait for a block, of each transaction; 300",
                   Range<std::uint64_t>{1, 86'400}, options->wait_s);
  return command;
}

void add_executor_address(CLI::App& command, ExecutorOptions& options) {
  command
      .add_option("--executor", options.executor, "Another contract than that of [chain.execution]")
      ->type_name("ADDRESS");
}

}  // namespace

void add_executor(CLI::App& app, CommandLine& line) {
  CLI::App* group = add_command(
      app, "executor", "The contract that carries trades out, by its owner", "executor status");
  group->require_subcommand(1);
  add_one(*group, line, ExecutorAction::deploy,
          "Deploy the contract, owned by the sender of [wallet]; a dry run without --live",
          "executor deploy --live", std::make_shared<ExecutorOptions>());
  auto funded = std::make_shared<ExecutorOptions>();
  CLI::App* fund = add_one(*group, line, ExecutorAction::fund,
                           "Give it a token, or the chain's coin; a dry run without --live",
                           "executor fund native 0.5 --live", funded);
  auto taken = std::make_shared<ExecutorOptions>();
  CLI::App* withdraw =
      add_one(*group, line, ExecutorAction::withdraw,
              "Take a token or the coin back to its owner; a dry run without --live",
              "executor withdraw native all --live", taken);
  add_executor_address(*withdraw, *taken);
  for (const auto& [command, options, all] :
       {std::tuple{fund, funded.get(), ""}, std::tuple{withdraw, taken.get(), ", or all"}}) {
    command->add_option("token", options->token, "Its address, or `native`")
        ->type_name("TOKEN")
        ->required();
    command
        ->add_option("amount", options->amount,
                     std::string("1500000 is in the smallest unit, 1.5 in whole ones") + all)
        ->type_name("AMOUNT")
        ->required();
  }
  auto asked = std::make_shared<ExecutorOptions>();
  CLI::App* status = add_one(*group, line, ExecutorAction::status,
                             "Its owner, its code, and what it holds; exit code 3 where something "
                             "is not as it has to be",
                             "executor status --json", asked);
  add_executor_address(*status, *asked);
}

}  // namespace gantry::host::cli
