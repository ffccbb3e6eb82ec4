// The child's side of an isolated plugin: `gantry __plugin-child`, which only the host starts.
//
//   map what the host shares -> read the order -> sandbox -> load libraries -> answer calls
//
// No byte of a plugin is mapped before the sandbox is closed, so none of its constructors either.
// The process was made by exec with an empty environment, and nothing of the host's memory,
// configuration or descriptors is in it but what isolation/channel.hpp lists.
#pragma once

namespace gantry::host {

// Returns the process's exit code, where it returns at all.
int run_plugin_child();

}  // namespace gantry::host
