import CLinux

/// What was allocated and is not any more, but still counts for the process.
package enum FreedMemory {
    /// More is given back: for less it is not worth walking through all of it.
    private static let much = 64 << 20

    /// Gives it back to the system where there is much of it, as after a burst of large requests. Takes milliseconds then.
    package static func giveBack() { linux_release_freed_memory(much) }
}
