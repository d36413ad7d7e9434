# An `up` that broke off

An `up` can end early: a call that AWS refuses, a certificate that isn't validated in time, CI's job limit, a lost connection, Ctrl-C.
The engine writes its state as it goes, so nothing has to be undone by hand. All steps need the cloud (☁).

1. Let it end. After one Ctrl-C the engine finishes what is under way and writes its state; a second one, or a kill, leaves
   operations pending and the stack locked.

2. Read why. A refused call names the action: compare the deploy role. A certificate that stays `PENDING_VALIDATION` lacks its
   validation record. A name that exists already was made by hand, or is a secret in its recovery window.

   ```console
   $ .venv/bin/python -m operations preflight --stack prod
   ```

3. If it says that the stack is locked: make sure that no other `up` runs (CI's jobs, colleagues), then take the lock away.

   ```console
   $ .venv/bin/python -m operations.deploy unlock --stack prod
   ```

4. If it was killed, compare the state with what exists. Changes nothing:

   ```console
   $ make drift STACK=prod
   ```

   It names what was pending. Something that was being made and exists now is taken into the state, with its id from the AWS console,
   by `.venv/bin/python -m operations.deploy refresh --stack prod --import-pending URN ID`. What doesn't exist needs nothing.

5. Run it again. It goes on with what is missing; what is there isn't made twice:

   ```console
   $ make preview STACK=prod ENGINE=pulumi
   $ make up STACK=prod
   ```

6. Finish what the apply was for, and see that people get in:

   ```console
   $ .venv/bin/python -m operations fill-secrets --stack prod --dry-run
   $ .venv/bin/python -m operations verify-login --stack prod
   ```

`fill-secrets` and `rotate-kinde` that broke off are simply run again, with the same options.
