/// Work for many, so many at once.
enum Fanout {
    /// Does the work for each of `elements`, `limit` of them at a time.
    /// - Parameter onEach: told after each how many are done.
    /// - Returns: the results in the order of the elements.
    /// - Throws: what the work throws, at once for all; `CancellationError` when the surrounding task was cancelled.
    ///   No work is running then, and what had not begun never does.
    static func each<Element: Sendable, Value: Sendable>(
        of elements: [Element], atOnce limit: Int, onEach: (_ done: Int) -> Void = { _ in },
        _ work: @escaping @Sendable (Element) async throws -> Value
    ) async throws -> [Value] {
        let done = try await withThrowingTaskGroup(of: (place: Int, value: Value).self) { group in
            var waiting = Array(elements.enumerated())[...]
            func startNext() {
                guard let (place, element) = waiting.popFirst() else { return }
                group.addTask { (place, try await work(element)) }
            }
            for _ in 0..<min(limit, elements.count) { startNext() }
            var done: [Int: Value] = [:]
            while let (place, value) = try await group.next() {
                done[place] = value
                onEach(done.count)
                if !Task.isCancelled { startNext() }
            }
            return done
        }
        try Task.checkCancellation()
        return elements.indices.compactMap { done[$0] }
    }
}
