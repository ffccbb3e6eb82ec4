// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

// A pool that keeps its tokens in a vault, as Balancer's do.
contract VaultPool {
    address public immutable getVault;

    constructor(address vault) {
        getVault = vault;
    }
}
