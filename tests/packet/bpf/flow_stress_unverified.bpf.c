// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The stress program with readers that do not verify what they read: shows that the stress would find a fault. */
#include <waggle/abi/flow.h>
#undef WG_FLOW_IDENTITY
#define WG_FLOW_IDENTITY 0u

#include "flow_stress.bpf.c"
