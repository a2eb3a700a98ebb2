"""What will a run cost, what will its tasks look like, and how far has it come?

    recipe ──sample documents──▶ amounts ──rates──▶ estimate      `katsuo estimate`
          └─a few passages, five tasks───▶ rates ──┘              `katsuo preview`
    run folder ──manifests, cells──▶ standings                    `katsuo status`

Nothing here changes a run. Rates are measured, here or where `rates.yaml` says; what nobody has
measured is called so.
"""
