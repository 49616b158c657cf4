/// A part of the process that goes on until it is stopped.
package struct Service: Sendable {
    let name: String
    let run: @Sendable () async throws -> Void
    /// Makes `run` return; nil: its task is cancelled.
    let stop: (@Sendable () async -> Void)?

    package init(
        _ name: String, run: @escaping @Sendable () async throws -> Void, stop: (@Sendable () async -> Void)? = nil
    ) {
        self.name = name
        self.run = run
        self.stop = stop
    }
}

/// Services that live and end together.
package enum ServiceGroup {
    /// A service returned though nobody had asked it to.
    package struct Ended: Error, Sendable, CustomStringConvertible {
        package let name: String
        package var description: String { "\(name) ended unexpectedly" }
    }

    private enum Event: Sendable {
        case stopWanted
        case ended(Int, (any Error)?)
        case timeIsUp
    }

    /// Runs the services until `stopWanted` returns; then stops them from the last to the first, each when the one
    /// before has returned. What has not returned `limit` after that is cancelled, which is no error.
    /// - Throws: the error of the service that failed first, once all others were cancelled and have returned; ``Ended``.
    package static func run(
        _ services: [Service], until stopWanted: @escaping @Sendable () async -> Void, limit: Duration = .seconds(10)
    ) async throws {
        let tasks = services.map { service in Task { try await service.run() } }
        let failure: (any Error)? = await withTaskGroup(of: Event.self) { group in
            group.addTask {
                await stopWanted()
                return .stopWanted
            }
            for (index, task) in tasks.enumerated() {
                group.addTask { .ended(index, await task.failure) }
            }
            defer { group.cancelAll() }
            var stopping = Stopping(services: services, tasks: tasks)
            while !stopping.isDone, let event = await group.next() {
                switch event {
                case .stopWanted where !stopping.hasBegun:
                    group.addTask {
                        try? await Task.sleep(for: limit)
                        return .timeIsUp
                    }
                    stopping.begin()
                case .stopWanted: break
                case .timeIsUp: stopping.cancelAll()
                case .ended(let index, let error): stopping.ended(index, error)
                }
            }
            return stopping.failure
        }
        if let failure { throw failure }
    }

    /// Who is to be stopped next, and why it all ends.
    private struct Stopping {
        let services: [Service]
        let tasks: [Task<Void, any Error>]
        private(set) var failure: (any Error)?
        private(set) var hasBegun = false
        private var isCancelled = false
        private var running: Set<Int>

        init(services: [Service], tasks: [Task<Void, any Error>]) {
            self.services = services
            self.tasks = tasks
            running = Set(services.indices)
        }

        var isDone: Bool { running.isEmpty }

        mutating func begin() {
            hasBegun = true
            stopNext()
        }

        mutating func cancelAll() {
            isCancelled = true
            for index in running { tasks[index].cancel() }
        }

        mutating func ended(_ index: Int, _ error: (any Error)?) {
            let wasNext = running.max() == index
            running.remove(index)
            if let error, !isCancelled || !(error is CancellationError) {
                if failure == nil { failure = error }
                cancelAll()
            } else if !hasBegun, !isCancelled {
                failure = Ended(name: services[index].name)
                cancelAll()
            } else if hasBegun, !isCancelled, wasNext {
                stopNext()
            }
        }

        private func stopNext() {
            guard let last = running.max() else { return }
            guard let stop = services[last].stop else { return tasks[last].cancel() }
            Task { await stop() }
        }
    }
}

extension Task where Success == Void, Failure == any Error {
    /// What it ended with; a task that was cancelled and says so has not failed.
    fileprivate var failure: (any Error)? {
        get async {
            switch await result {
            case .success: nil
            case .failure(let error): error is CancellationError && isCancelled ? nil : error
            }
        }
    }
}
