package import HTTP
package import MCPServer

/// Answers whoever is on the block list with the block page.
package struct BlockGuard: Middleware {
    private let block: @Sendable (_ ip: String?) -> StrikeBook.Block?
    private let hasToken: @Sendable (InboundRequest) async -> Bool

    /// - Parameters:
    ///   - block: why an address is blocked, if it is.
    ///   - hasToken: whether a request carries a token that is good.
    package init(
        block: @escaping @Sendable (_ ip: String?) -> StrikeBook.Block?,
        hasToken: @escaping @Sendable (InboundRequest) async -> Bool
    ) {
        self.block = block
        self.hasToken = hasToken
    }

    package func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
        guard let block = block(request.client.real), !(await passes(request, rule, block)) else { return nil }
        return BlockPage.response(to: request, rule, seconds: block.seconds)
    }

    /// Behind one address may be many, and one of them who fails must not stop the others' programs: whoever shows a good
    /// token has nothing to guess.
    private func passes(_ request: InboundRequest, _ rule: PathRule, _ block: StrikeBook.Block) async -> Bool {
        guard !block.isByHand, rule.isForPrograms else { return false }
        return await hasToken(request)
    }
}
