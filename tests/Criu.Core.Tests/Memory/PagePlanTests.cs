using Criu.Core.Memory;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Tests.Memory;

/// <summary>A call moves less than 2 GiB, so no write may be longer than what one call takes.</summary>
public sealed class PagePlanTests
{
    private const ulong Page = 4096;

    [Fact]
    public void A_long_write_is_split_and_covers_the_same_bytes()
    {
        using var file = new SafeFileHandle();
        List<PageWrite> whole = [new(16 * Page, 5 * Page, file, 100), new(64 * Page, Page, file, 100 + 5 * (long)Page)];
        Assert.Equal(
        [
            new(16 * Page, 2 * Page, file, 100), new(18 * Page, 2 * Page, file, 100 + 2 * (long)Page), new(20 * Page, Page, file, 100 + 4 * (long)Page), whole[1],
        ], PagePlan.Split(whole, 2 * Page));
    }

    [Fact]
    public void Short_writes_stay_as_they_are()
    {
        using var file = new SafeFileHandle();
        List<PageWrite> whole = [new(16 * Page, 5 * Page, file, 0)];
        Assert.Same(whole, PagePlan.Split(whole, 5 * Page));
    }
}
