import CUV
import Synchronization

/// Loops that share the connections, one for each core that the process may use.
package final class EventLoopGroup: Sendable {
    /// The one of the process, which runs as long as the process does.
    package static let shared = EventLoopGroup()

    package let loops: [EventLoop]
    private let turn = Atomic(0)

    /// Starts the loops.
    /// - Parameter count: at least one is started; `nil` stands for the number of cores.
    package init(count: Int? = nil) {
        let count = count ?? Int(uv_available_parallelism())
        loops = (0..<max(1, count)).map { _ in EventLoop() }
        for loop in loops { loop.start() }
    }

    /// One after the other.
    package func next() -> EventLoop {
        let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
    }

    /// Stops all loops, see ``EventLoop/stop()``. Not to be called from one of them.
    package func stop() async {
        for loop in loops { await loop.stop() }
    }
}

extension EventLoop {
    /// A loop of the process.
    package static var shared: EventLoop { EventLoopGroup.shared.loops[0] }
}
